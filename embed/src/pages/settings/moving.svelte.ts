// A migration in progress. It outlives its card: the page may be left while a large file is on its way, and is drawn anew when the administrator
// who moves in takes the place of the one who asked.
import { api } from '../../api/client';
import { describe } from '../../api/errors';
import type { Migration } from '../../api/types';
import { bytes } from '../../format';
import { t } from '../../i18n/i18n.svelte';
import { session } from '../../state/session.svelte';
import { site } from '../../state/site.svelte';
import { largestFile } from './migration';

class MovingIn {
    name = $state('');
    // Read when it is chosen: what is brought over is what the preview was made of, whatever happens to the file meanwhile.
    file = $state.raw<Blob | null>(null);
    found = $state.raw<Migration | null>(null);
    isDone = $state(false);
    stage = $state<'' | 'reading' | 'acting'>('');
    fault = $state(''); // with the file, said beside it
    problem = $state('');
    otherName = $state(''); // whose the session is now, where it was another's
    owner = session.current?.name;

    async look(chosen: File): Promise<void> {
        this.name = chosen.name;
        if (chosen.size > largestFile) {
            this.fault = t('migration.tooLarge', { size: bytes(chosen.size), limit: bytes(largestFile) });
            return;
        }
        this.stage = 'reading';
        try {
            const content = await chosen.arrayBuffer().catch(() => null);
            if (!content) {
                this.fault = t('migration.unreadable', { name: this.name });
                return;
            }
            const file = new Blob([content]);
            this.found = await api.previewMigration(file);
            this.file = file;
        } catch (failure) {
            this.fault = describe(failure);
        } finally {
            this.stage = '';
        }
    }

    async act(): Promise<void> {
        if (!this.file) return;
        this.problem = '';
        this.stage = 'acting';
        try {
            this.found = await api.migrate(this.file);
            this.isDone = true;
            this.file = null;
            const { userInfo } = await api.package();
            if (userInfo.user !== this.owner) {
                this.otherName = this.owner = userInfo.user;
                session.passwordChanged(userInfo.user);
            }
            site.name = (await api.setting('app_name').catch(() => '')) || site.name;
        } catch (failure) {
            this.problem = describe(failure);
        } finally {
            this.stage = '';
        }
    }
}

let current = $state.raw(new MovingIn());

export const moving = {
    // Nobody sees what somebody else began in this browser.
    get current(): MovingIn {
        return current;
    },
    forget(): void {
        if (current.owner !== session.current?.name) current = new MovingIn();
    },
    async look(chosen: File): Promise<void> {
        current = new MovingIn();
        await current.look(chosen);
    },
};
