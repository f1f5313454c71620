// What the panel says of each row that does not come over as it is, as a text with its values. `things` are values that are texts themselves.
import type { MigrationRemark } from '../../api/types.ts';
import type { TextKey } from '../../i18n/i18n.svelte.ts';

export interface Words {
    key: TextKey;
    values: Record<string, string>;
    things: Record<string, TextKey>;
}

export const sections = ['users', 'nodes', 'tunnels', 'forwards', 'userTunnels', 'speedLimits', 'tunnelGroups', 'userGroups', 'permissions', 'configs'] as const;
export const largestFile = 128 * 1024 * 1024; // as the panel takes it

const things: Readonly<Record<string, TextKey>> = {
    user: 'thing.user',
    node: 'thing.node',
    tunnel: 'thing.tunnel',
    forward: 'thing.forward',
    group: 'thing.group',
    assignment: 'thing.assignment',
    permission: 'thing.permission',
    'speed limit': 'thing.speedLimit',
    speed_limit: 'thing.speedLimit',
    user_group: 'thing.userGroup',
    tunnel_group: 'thing.tunnelGroup',
};

const say = (key: TextKey, values: Record<string, string> = {}, named: Record<string, TextKey> = {}): Words => ({ key, values, things: named });

// What is in the way. The panel says it in English; these are its sentences.
const conflicts: readonly (readonly [RegExp, (found: string[]) => Words | null])[] = [
    [/^the name '(.*)' belongs to (tunnel|group|user) (\d+)$/su, ([, name = '', thing = '', id = '']) => (things[thing] ? say('taken.name', { name, id }, { thing: things[thing] }) : null)],
    [/^port (\d+) of node (\d+) belongs to forward (\d+)$/u, ([, port = '', node = '', id = '']) => say('taken.port', { port, node, id })],
    [/^the user has the tunnel already by assignment (\d+)$/u, ([, id = '']) => say('taken.assignment', { id })],
    [/^the groups are linked already by permission (\d+)$/u, ([, id = '']) => say('taken.permission', { id })],
    [/^no administrator would be left who can sign in$/u, () => say('taken.administrator')],
    [/^its secret belongs to node (\d+)$/u, ([, id = '']) => say('taken.secret', { id })],
    [/^another (assignment|permission)$/u, ([, thing = '']) => (things[thing] ? say('taken.another', {}, { thing: things[thing] }) : null)],
    [/^(user|node|tunnel|speed limit|forward|group) (.*)$/su, ([, thing = '', name = '']) => (things[thing] ? say('taken.id', { name }, { thing: things[thing] }) : null)],
];

export function conflictWords(text: string): Words | null {
    for (const [pattern, words] of conflicts) {
        const found = pattern.exec(text);
        if (found) return words([...found]);
    }
    return null;
}

export function remarkWords({ remark, args }: MigrationRemark): Words | null {
    const [first = '', second = '', third = ''] = args;
    const thing = things[first];
    switch (remark) {
        case 'adjusted':
            return third ? say('remark.adjusted', { field: first, from: second, to: third }) : say('remark.cleared', { field: first, from: second });
        case 'unusable':
            return second ? say('remark.unusable', { field: first, value: second }) : say('remark.missing', { field: first });
        case 'remote_node':
            return say('remark.remoteNode');
        case 'missing_parent':
            return thing ? say('remark.missingParent', { id: second }, { thing }) : null;
        case 'link_dropped':
            return thing ? say('remark.linkDropped', { id: second }, { thing }) : null;
        case 'no_target':
            return say('remark.noTarget');
        case 'target_dropped':
            return say('remark.targetDropped', { target: first });
        case 'port_dropped':
            return say('remark.portDropped', { node: first, port: second });
        case 'renamed':
            return say('remark.renamed', { from: first, to: second });
        case 'refused_setting':
            return say(first === 'setting.captcha' ? 'remark.captchaStaysOff' : 'remark.refusedSetting');
        case 'replaces': {
            const what = conflictWords(first);
            return what?.key === 'taken.id' ? say('remark.replaces', what.values, what.things) : null;
        }
        case 'moved_local':
            return say('remark.movedLocal', { from: first, to: second });
        case 'deleted_here':
            return say('remark.deletedHere');
        case 'taken':
            return conflictWords(first);
        default:
            return null;
    }
}

// Those that stop everything come first.
export function inOrder(remarks: readonly MigrationRemark[]): MigrationRemark[] {
    return [...remarks.filter((one) => one.remark === 'taken'), ...remarks.filter((one) => one.remark !== 'taken')];
}
