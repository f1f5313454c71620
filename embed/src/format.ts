// Numbers and times as a reader of the chosen language expects them. Amounts of data are counted in steps of 1024 (a quota's GB is 2^30
// bytes), rates in bits per second in steps of 1000, as network people do.
import { locale, t } from './i18n/i18n.svelte';
import { gigabyte, unlimited } from './units';

const formats = new Map<string, Intl.NumberFormat>();
function numberFormat(options: Intl.NumberFormatOptions): Intl.NumberFormat {
    const key = locale() + JSON.stringify(options);
    let format = formats.get(key);
    if (!format) formats.set(key, (format = new Intl.NumberFormat(locale(), options)));
    return format;
}

function scaled(value: number, step: number, units: readonly string[]): string {
    let index = 0;
    let rest = value;
    while (rest >= step * 0.9995 && index < units.length - 1) {
        rest /= step;
        ++index;
    }
    const digits = index === 0 || rest >= 100 ? 0 : rest >= 10 ? 1 : 2;
    const unit = units[index] ?? 'byte';
    // The short form of "byte" is the whole word.
    if (unit === 'byte') return `${numberFormat({ maximumFractionDigits: 0 }).format(rest)} B`;
    return numberFormat({ style: 'unit', unit, unitDisplay: 'short', maximumFractionDigits: digits }).format(rest);
}

const byte_units = ['byte', 'kilobyte', 'megabyte', 'gigabyte', 'terabyte', 'petabyte'] as const;
const rate_units = ['bit-per-second', 'kilobit-per-second', 'megabit-per-second', 'gigabit-per-second', 'terabit-per-second'] as const;

export const bytes = (count: number) => scaled(count, 1024, byte_units);
export const bitRate = (bitsPerSecond: number) => scaled(Math.round(bitsPerSecond), 1000, rate_units);
export const rate = (bytesPerSecond: number) => bitRate(bytesPerSecond * 8);
export const number = (value: number) => numberFormat({ maximumFractionDigits: 1 }).format(value);
export const percent = (value: number) => numberFormat({ style: 'percent', maximumFractionDigits: 0 }).format(value / 100);
export function milliseconds(value: number): string {
    const text = (shown: number) => numberFormat({ style: 'unit', unit: 'millisecond', maximumFractionDigits: shown < 10 ? 1 : 0 }).format(shown);
    return value > 0 && value < 0.1 ? `< ${text(0.1)}` : text(value);
}

export const quota = (gigabytes: number) => (gigabytes === unlimited ? t('common.unlimited') : bytes(gigabytes * gigabyte));
export const usage = (used: number, gigabytes: number) =>
    gigabytes === unlimited ? t('users.usageFree', { used: bytes(used) }) : t('users.usage', { used: bytes(used), quota: quota(gigabytes) });
export const forwardCount = (count: number) => (count === unlimited || count === 0 ? t('common.unlimited') : number(count));

export function date(ms: number): string {
    return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium' }).format(ms);
}

export function dateTime(ms: number): string {
    return new Intl.DateTimeFormat(locale(), { dateStyle: 'medium', timeStyle: 'short' }).format(ms);
}

// What ends at midnight is good through the day before.
export function expiry(ms: number): string {
    return ms === 0 ? t('common.never') : date(ms - 1);
}

export function clock(secondsSince1970: number): string {
    return new Intl.DateTimeFormat(locale(), { hour: '2-digit', minute: '2-digit', second: '2-digit', hour12: false }).format(secondsSince1970 * 1000);
}

// "3 days 4 hours": the two largest parts.
export function duration(seconds: number): string {
    const parts: [number, string][] = [
        [Math.floor(seconds / 86400), 'day'],
        [Math.floor(seconds / 3600) % 24, 'hour'],
        [Math.floor(seconds / 60) % 60, 'minute'],
        [Math.floor(seconds) % 60, 'second'],
    ];
    const first = parts.findIndex(([count]) => count > 0);
    if (first < 0) return numberFormat({ style: 'unit', unit: 'second', unitDisplay: 'long' }).format(0);
    return parts
        .slice(first, first + 2)
        .filter(([count]) => count > 0)
        .map(([count, unit]) => numberFormat({ style: 'unit', unit, unitDisplay: 'long' }).format(count))
        .join(' ');
}
