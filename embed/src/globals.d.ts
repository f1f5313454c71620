// From the file VERSION, by vite.config.ts.
declare const __VERSION__: string;

// Cloudflare's script, while a captcha is switched on.
interface Window {
    turnstile?: {
        render(place: HTMLElement, options: Record<string, unknown>): string;
        remove(widget: string): void;
    };
}
