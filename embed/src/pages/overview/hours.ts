// The last full hours, oldest first. The panel says "HH:00" of its own zone and leaves out the date: the newest row is the newest hour.
import type { Package } from '../../api/types';

export interface Hour {
    label: string;
    flow: number;
}

export function hoursOf(own: Package): Hour[] {
    return (own.everyone?.hours ?? own.statisticsFlows).map((one) => ({ label: one.time, flow: one.flow }));
}
