// What a quota's form holds, and what a quota says of itself.
import type { Quota, QuotaDraft, QuotaSubject, QuotaWindow } from '../../api/types';
import { gigabyte } from '../../units.ts';

export interface QuotaFields {
    window: QuotaWindow;
    amount: string; // GB
    resetDay: number;
    counts: Quota['counts'];
    ratio: string;
    action: Quota['action'];
    rate: string; // kB/s
    used: string; // GB; empty: as it is
}

export const emptyFields: QuotaFields = { window: 'month', amount: '', resetDay: 1, counts: 'both', ratio: '1', action: 'stop', rate: '1000', used: '' };

// Twelve digits after the point hold every byte; trailing zeros say nothing.
const in_gigabytes = (count: number) => String(Number((count / gigabyte).toFixed(12)));

export function toFields(quota: Quota): QuotaFields {
    return {
        window: quota.window,
        amount: in_gigabytes(quota.limit),
        resetDay: quota.resetDay,
        counts: quota.counts,
        ratio: String(quota.ratio),
        action: quota.action,
        rate: quota.rate ? String(quota.rate) : emptyFields.rate,
        used: '',
    };
}

export const wrongAmount = (text: string): boolean => !(/^\d{1,7}(\.\d{1,12})?$/.test(text.trim()) && Number(text) * gigabyte >= 1);
export const wrongUsed = (text: string): boolean => text.trim() !== '' && !/^\d{1,7}(\.\d{1,12})?$/.test(text.trim());
export const wrongRatio = (text: string): boolean => !(/^\d{1,3}(\.\d{1,6})?$/.test(text.trim()) && Number(text) > 0 && Number(text) <= 100);
export const wrongRate = (fields: QuotaFields): boolean => fields.action === 'throttle' && !(/^\d{1,9}$/.test(fields.rate.trim()) && Number(fields.rate) >= 1 && Number(fields.rate) <= 125_000_000);

export const bytesOf = (gigabytes: string): number => Math.round(Number(gigabytes.trim()) * gigabyte);

export function toDraft(subject: QuotaSubject, subjectId: number, fields: QuotaFields): QuotaDraft {
    return {
        subject,
        subjectId,
        window: fields.window,
        limit: bytesOf(fields.amount),
        resetDay: fields.resetDay,
        counts: fields.counts,
        ratio: Number(fields.ratio),
        action: fields.action,
        rate: fields.action === 'throttle' ? Number(fields.rate) : 0,
    };
}
