// Why a node of another panel is not there: three words that the dialect fixes, else what that panel said.
import { translate } from '../../api/errors';
import { t, type TextKey } from '../../i18n/i18n.svelte';

const known: Record<string, TextKey> = {
    provider_share_deleted: 'sharing.shareDeleted',
    provider_share_disabled: 'sharing.shareDisabled',
    provider_share_expired: 'sharing.shareExpired',
};

export function problemText(problem: string): string {
    const key = known[problem];
    return key ? t(key) : t('sharing.problem', { problem: translate(problem) });
}
