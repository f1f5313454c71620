// The page's table of contents: what can be opened, by whom, and from which file it is loaded when it is.
import BookOpen from '@lucide/svelte/icons/book-open';
import Gauge from '@lucide/svelte/icons/gauge';
import ArrowRightLeft from '@lucide/svelte/icons/arrow-right-left';
import History from '@lucide/svelte/icons/history';
import Route from '@lucide/svelte/icons/route';
import Server from '@lucide/svelte/icons/server';
import Settings from '@lucide/svelte/icons/settings';
import Share2 from '@lucide/svelte/icons/share-2';
import UserRound from '@lucide/svelte/icons/user-round';
import Users from '@lucide/svelte/icons/users';
import type { Component } from 'svelte';
import type { TextKey } from './i18n/i18n.svelte';

export interface Page {
    path: string;
    title: TextKey;
    icon: Component<{ size?: number }>;
    admin?: boolean;
    // Not in the navigation: reached from elsewhere.
    hidden?: boolean;
    load: () => Promise<{ default: Component }>;
}

export const pages: readonly Page[] = [
    { path: '/', title: 'nav.overview', icon: Gauge, load: () => import('./pages/overview/Overview.svelte') },
    { path: '/forwards', title: 'nav.forwards', icon: ArrowRightLeft, load: () => import('./pages/forwards/Forwards.svelte') },
    { path: '/tunnels', title: 'nav.tunnels', icon: Route, admin: true, load: () => import('./pages/tunnels/Tunnels.svelte') },
    { path: '/nodes', title: 'nav.nodes', icon: Server, admin: true, load: () => import('./pages/nodes/Nodes.svelte') },
    { path: '/sharing', title: 'nav.sharing', icon: Share2, admin: true, load: () => import('./pages/sharing/Sharing.svelte') },
    { path: '/users', title: 'nav.users', icon: Users, admin: true, load: () => import('./pages/users/Users.svelte') },
    { path: '/settings', title: 'nav.settings', icon: Settings, admin: true, load: () => import('./pages/settings/Settings.svelte') },
    { path: '/account', title: 'nav.account', icon: UserRound, load: () => import('./pages/account/Account.svelte') },
    { path: '/history', title: 'nav.history', icon: History, admin: true, hidden: true, load: () => import('./pages/history/History.svelte') },
    { path: '/reference', title: 'nav.reference', icon: BookOpen, hidden: true, load: () => import('./pages/reference/Reference.svelte') },
    { path: '/guide', title: 'nav.guide', icon: Gauge, admin: true, hidden: true, load: () => import('./pages/guide/Guide.svelte') },
];
