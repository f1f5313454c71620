// What the panel asks for beside name and password: a captcha, a code of the second factor. Knows when, and makes what is sent.
import { api } from '../../api/client';
import { needsSecondFactor } from '../../api/errors';

export interface Proof {
    captchaId: string;
    code: string;
}

export class Challenge {
    captcha = $state(false);
    siteKey = $state('');
    // Of the widget; used up by one attempt.
    token = $state('');
    attempt = $state(0);
    codeWanted = $state(false);
    code = $state('');

    constructor() {
        void this.#look();
    }

    async #look(): Promise<void> {
        try {
            const wanted = await api.captchaWanted();
            if (wanted) this.siteKey = await api.setting('cloudflare_site_key').catch(() => '');
            this.captcha = wanted;
        } catch {
            // The panel says so itself when somebody signs in.
        }
    }

    get hasWidget(): boolean {
        return this.captcha && this.siteKey !== '';
    }

    get isReady(): boolean {
        return (!this.hasWidget || this.token !== '') && (!this.codeWanted || this.code.trim() !== '');
    }

    async proof(): Promise<Proof> {
        let captchaId = this.token;
        if (this.captcha && !this.hasWidget) {
            // No challenge is set up: the panel takes a word for it.
            const id = Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('');
            captchaId = await api.solveCaptcha(id, 'ok');
        }
        return { captchaId, code: this.code.trim() };
    }

    // After an attempt that failed. True: nothing was wrong, but a code is needed.
    takes(failure: unknown): boolean {
        this.token = '';
        this.code = '';
        this.attempt += 1;
        const first = !this.codeWanted && needsSecondFactor(failure);
        if (needsSecondFactor(failure)) this.codeWanted = true;
        return first;
    }
}
