// From the file VERSION, by vite.config.ts.
declare const __VERSION__: string;
