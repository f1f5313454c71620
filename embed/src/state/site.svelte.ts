// The site's name, which the administrator chooses.
import { api } from '../api/client';

const fallback = 'Sluice';
const state = $state({ name: fallback });

export const site = {
    get name(): string {
        return state.name;
    },
    set name(value: string) {
        state.name = value.trim() || fallback;
    },
    async load(): Promise<void> {
        try {
            site.name = await api.setting('app_name');
        } catch {
            // Not set, or the panel is away: the page has a name of its own.
        }
    },
};
