// Short news that need no answer: what was done, or what failed where no form could show it.

export interface Toast {
    id: number;
    kind: 'good' | 'bad';
    text: string;
}

const state = $state<{ list: Toast[] }>({ list: [] });
let last = 0;
const shown_for = { good: 4000, bad: 12_000 };
const most = 4;

function add(kind: Toast['kind'], text: string): void {
    const id = ++last;
    state.list = [...state.list.filter((one) => one.text !== text), { id, kind, text }].slice(-most);
    setTimeout(() => toasts.dismiss(id), shown_for[kind]);
}

export const toasts = {
    get list(): readonly Toast[] {
        return state.list;
    },
    done: (text: string) => add('good', text),
    failed: (text: string) => add('bad', text),
    dismiss(id: number): void {
        state.list = state.list.filter((one) => one.id !== id);
    },
};
