// Quota, number of forwards, expiry and reset day as a form holds them: for users and for their right to a tunnel alike.
import { unlimited } from '../../units.ts';

export interface AllowanceFields {
    quota: string; // GB; empty: unlimited
    count: string; // forwards; empty: unlimited
    expires: string; // YYYY-MM-DD, the last day; empty: never
    resetDay: number; // 0: never
}

export interface Allowance {
    flow: number;
    num: number;
    expTime: number;
    flowResetTime: number;
}

const day_text = (ms: number): string => {
    const day = new Date(ms);
    return `${day.getFullYear()}-${String(day.getMonth() + 1).padStart(2, '0')}-${String(day.getDate()).padStart(2, '0')}`;
};

export function toFields(allowance: Allowance): AllowanceFields {
    return {
        quota: allowance.flow === unlimited ? '' : String(allowance.flow),
        count: allowance.num === unlimited || allowance.num === 0 ? '' : String(allowance.num),
        expires: allowance.expTime === 0 ? '' : day_text(allowance.expTime - 1),
        resetDay: allowance.flowResetTime,
    };
}

// Valid through its last day: until the midnight after it, in this browser's zone.
export function fromFields(fields: AllowanceFields): Allowance {
    const [year, month, day] = fields.expires.split('-').map(Number);
    return {
        flow: fields.quota.trim() === '' ? unlimited : Number(fields.quota),
        num: fields.count.trim() === '' ? unlimited : Number(fields.count),
        expTime: year && month && day ? new Date(year, month - 1, day + 1).getTime() : 0,
        flowResetTime: fields.resetDay,
    };
}

export const wrongQuota = (fields: AllowanceFields): boolean => fields.quota.trim() !== '' && !/^\d{1,7}$/.test(fields.quota.trim());
export const wrongCount = (fields: AllowanceFields): boolean => fields.count.trim() !== '' && !/^[1-9]\d{0,5}$/.test(fields.count.trim());

export function inDays(days: number): string {
    return day_text(Date.now() + days * 86_400_000);
}
