// Texts in the reader's language. They live in en.json and zh.json only; a language is loaded when it is chosen.
import i18next from 'i18next';
import type english from './en.json';

type Catalog = typeof english;
type Singular<K> = K extends `${infer Base}_one` | `${infer Base}_other` ? Base : K;
export type TextKey = Singular<keyof Catalog>;
export type Language = 'en' | 'zh';
export type Values = Record<string, string | number>;

const catalogs: Record<Language, () => Promise<{ default: Record<string, string> }>> = {
    en: () => import('./en.json'),
    zh: () => import('./zh.json'),
};
export const languages: readonly { code: Language; name: string }[] = [
    { code: 'en', name: 'English' },
    { code: 'zh', name: '简体中文' },
];

const storage_key = 'sluice.language';
const locales: Record<Language, string> = { en: 'en', zh: 'zh-CN' };

const current = $state<{ language: Language }>({ language: 'en' });

function preferred(): Language {
    const stored = localStorage.getItem(storage_key);
    if (stored === 'en' || stored === 'zh') return stored;
    return navigator.languages.some((one) => one.toLowerCase().startsWith('zh')) ? 'zh' : 'en';
}

export async function startTexts(): Promise<void> {
    const language = preferred();
    await i18next.init({ lng: language, fallbackLng: false, keySeparator: false, nsSeparator: false, interpolation: { escapeValue: false }, resources: {} });
    await use(language);
}

async function use(language: Language): Promise<void> {
    if (!i18next.hasResourceBundle(language, 'translation')) i18next.addResourceBundle(language, 'translation', (await catalogs[language]()).default);
    await i18next.changeLanguage(language);
    document.documentElement.lang = locales[language];
    current.language = language;
}

export async function chooseLanguage(language: Language): Promise<void> {
    localStorage.setItem(storage_key, language);
    await use(language);
}

export function language(): Language {
    return current.language;
}

export function locale(): string {
    return locales[current.language];
}

// Reads the language, so that whatever shows a text shows it anew when the language changes.
export function t(key: TextKey, values: Values = {}): string {
    return i18next.t(key, { ...values, lng: current.language });
}
