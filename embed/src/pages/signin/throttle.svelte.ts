// Counts down after too many attempts, so that the page says how long it still takes.
import { throttledFor } from '../../api/errors';

export class Throttle {
    left = $state(0);
    #timer: ReturnType<typeof setInterval> | undefined;

    // True when the problem was this one.
    takes(problem: unknown): boolean {
        const seconds = throttledFor(problem);
        if (seconds === null) return false;
        clearInterval(this.#timer);
        const end = Date.now() + seconds * 1000;
        this.left = seconds;
        this.#timer = setInterval(() => {
            this.left = Math.max(0, Math.ceil((end - Date.now()) / 1000));
            if (this.left === 0) clearInterval(this.#timer);
        }, 250);
        return true;
    }
}
