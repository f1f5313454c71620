// Light, dark, or what the system says. theme.js in public/ applies the stored choice before the first paint.

export type Theme = 'system' | 'light' | 'dark';
export const themes: readonly Theme[] = ['system', 'light', 'dark'];

const storage_key = 'sluice.theme';
const dark = matchMedia('(prefers-color-scheme: dark)');

function stored(): Theme {
    const value = localStorage.getItem(storage_key);
    return value === 'light' || value === 'dark' ? value : 'system';
}

const state = $state({ theme: stored(), systemIsDark: dark.matches });
dark.addEventListener('change', (event) => (state.systemIsDark = event.matches));

export function theme(): Theme {
    return state.theme;
}

export function isDark(): boolean {
    return state.theme === 'dark' || (state.theme === 'system' && state.systemIsDark);
}

export function chooseTheme(choice: Theme): void {
    state.theme = choice;
    if (choice === 'system') {
        localStorage.removeItem(storage_key);
        delete document.documentElement.dataset.theme;
    } else {
        localStorage.setItem(storage_key, choice);
        document.documentElement.dataset.theme = choice;
    }
}
