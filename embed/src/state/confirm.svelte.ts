// Asks before something is destroyed. The question names what will happen; nothing happens without a yes.

export interface Question {
    title: string;
    body: string;
    action: string;
    danger?: boolean;
}

const state = $state<{ question: Question | null }>({ question: null });
let answer: (yes: boolean) => void = () => undefined;

export function ask(question: Question): Promise<boolean> {
    answer(false);
    state.question = question;
    return new Promise((resolve) => (answer = resolve));
}

export const confirmation = {
    get question(): Question | null {
        return state.question;
    },
    reply(yes: boolean): void {
        state.question = null;
        answer(yes);
        answer = () => undefined;
    },
};
