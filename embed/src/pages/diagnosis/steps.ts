// What a step of a diagnosis says, beyond its numbers.
import type { DiagnosisStep } from '../../api/types';
import { t } from '../../i18n/i18n.svelte';

export type Grade = 'excellent' | 'good' | 'fair' | 'poor';
export type Advice = 'node' | 'listener' | 'name' | 'refused' | 'target';

// The dialect describes a step by a text of fixed form; its own listener and "the internet" are told apart only there.
const isOwnListener = (step: DiagnosisStep) => /->监听端口\(\d+\)$/.test(step.description);
const isInternet = (step: DiagnosisStep) => step.description.endsWith('->外网');

export function destination(step: DiagnosisStep): string {
    if (isOwnListener(step)) return t('diagnosis.ownListener', { port: String(step.targetPort) });
    const address = step.targetIp.includes(':') ? `[${step.targetIp}]:${step.targetPort}` : `${step.targetIp}:${step.targetPort}`;
    if (isInternet(step)) return t('diagnosis.internet', { address });
    const named = /->(?:出口|第\d+跳)\((.+)\)$/.exec(step.description);
    return named?.[1] ?? address;
}

// null: it failed
export function grade(step: DiagnosisStep): Grade | null {
    if (!step.success) return null;
    if (step.averageTime < 50 && step.packetLoss === 0) return 'excellent';
    if (step.averageTime < 100 && step.packetLoss < 1) return 'good';
    if (step.averageTime < 200 && step.packetLoss < 5) return 'fair';
    return 'poor';
}

// What to try, from the first step that failed.
export function summary(steps: readonly DiagnosisStep[]): Advice {
    const step = steps.find((one) => !one.success);
    if (!step) return 'target';
    if (/不在线|响应超时/.test(step.message)) return 'node';
    if (isOwnListener(step)) return 'listener';
    if (step.message.startsWith('DNS')) return 'name';
    if (step.message.includes('被拒绝')) return 'refused';
    return 'target';
}
