// Which page is shown: the path of the address bar, and its query. Links are plain <a href>; a click on one of ours stays in the page.

export interface Place {
    path: string;
    query: URLSearchParams;
}

function here(): Place {
    return { path: location.pathname.replace(/\/+$/, '') || '/', query: new URLSearchParams(location.search) };
}

const state = $state<{ place: Place }>({ place: here() });

export function place(): Place {
    return state.place;
}

export function go(to: string, how: { replace?: boolean } = {}): void {
    if (to !== location.pathname + location.search) {
        if (how.replace) history.replaceState(null, '', to);
        else history.pushState(null, '', to);
    }
    state.place = here();
}

// The query belongs to the view (search, grouping): changing it makes no new step for "back".
export function setQuery(values: Record<string, string>): void {
    const query = new URLSearchParams(location.search);
    for (const [name, value] of Object.entries(values)) {
        if (value) query.set(name, value);
        else query.delete(name);
    }
    const text = query.toString();
    go(location.pathname + (text ? `?${text}` : ''), { replace: true });
}

export function startRouter(): void {
    addEventListener('popstate', () => (state.place = here()));
    addEventListener('click', (event) => {
        if (event.defaultPrevented || event.button !== 0 || event.metaKey || event.ctrlKey || event.shiftKey || event.altKey) return;
        const link = event.target instanceof Element ? event.target.closest('a') : null;
        if (!link || link.target || link.origin !== location.origin || link.hasAttribute('download') || link.pathname.startsWith('/api/')) return;
        if (link.hash && link.pathname === location.pathname) return;
        event.preventDefault();
        go(link.pathname + link.search);
        document.getElementById('main')?.focus({ preventScroll: true });
        scrollTo(0, 0);
    });
}
