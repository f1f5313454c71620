// A list from the panel: loading, there, or failed; loaded again on demand and, while the page is visible, every so often.
import { ApiError } from '../api/client';
import { describe } from '../api/errors';

export class Loaded<T> {
    value = $state.raw<T | null>(null);
    error = $state('');
    busy = $state(false);
    #load: () => Promise<T>;
    #wanted = 0;

    constructor(load: () => Promise<T>) {
        this.#load = load;
    }

    async refresh(): Promise<void> {
        const turn = ++this.#wanted;
        this.busy = true;
        try {
            const value = await this.#load();
            // An older answer never replaces a newer one: numbers must not jump back.
            if (turn !== this.#wanted) return;
            this.value = value;
            this.error = '';
        } catch (problem) {
            if (turn !== this.#wanted) return;
            if (!(problem instanceof ApiError && problem.kind === 'signed_out')) this.error = describe(problem);
        } finally {
            if (turn === this.#wanted) this.busy = false;
        }
    }

    // For an $effect: loads now and every `ms` while somebody looks.
    poll(ms: number): () => void {
        void this.refresh();
        const tick = () => {
            if (document.visibilityState === 'visible' && !this.busy) void this.refresh();
        };
        const timer = setInterval(tick, ms);
        document.addEventListener('visibilitychange', tick);
        return () => {
            clearInterval(timer);
            document.removeEventListener('visibilitychange', tick);
        };
    }
}
