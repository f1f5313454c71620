// The API document of this panel, as rows that a page can show. Knows the part of OpenAPI that the panel writes.
export type Access = 'open' | 'signed_in' | 'admin' | 'peer';

export interface FieldRow {
    name: string; // "results[].success"
    kind: string;
    about: string;
    needed: boolean;
}

export interface Operation {
    method: string;
    path: string;
    about: string;
    access: Access;
    takes: FieldRow[];
    gives: FieldRow[];
    givesKind: string; // of an answer without fields; empty: nothing
}

export interface Group {
    name: string;
    operations: Operation[];
}

interface Schema {
    $ref?: string;
    type?: string | string[];
    description?: string;
    properties?: Record<string, Schema>;
    required?: string[];
    items?: Schema;
    allOf?: Schema[];
    oneOf?: Schema[];
}

type Media = Record<string, { schema?: Schema }>;

interface Described {
    tags: string[];
    summary: string;
    'x-access'?: Access;
    requestBody?: { content: Media };
    responses: Record<string, { content?: Media }>;
}

interface Document {
    paths: Record<string, Record<string, Described>>;
    components: { schemas: Record<string, Schema> };
}

const deepest = 3;

function resolve(document: Document, schema: Schema): Schema {
    const name = schema.$ref?.split('/').at(-1);
    return name ? (document.components.schemas[name] ?? {}) : schema;
}

function kindOf(schema: Schema): string {
    const kinds = Array.isArray(schema.type) ? schema.type : schema.type ? [schema.type] : [];
    return kinds.filter((one) => one !== 'null').join(' / ');
}

function fieldsOf(document: Document, schema: Schema, prefix = '', depth = 0): FieldRow[] {
    const whole = resolve(document, schema);
    const rows: FieldRow[] = [];
    if (whole.items) return fieldsOf(document, whole.items, `${prefix}[].`, depth);
    for (const [name, one] of Object.entries(whole.properties ?? {})) {
        const inner = resolve(document, one);
        rows.push({ name: prefix + name, kind: kindOf(inner), about: one.description ?? '', needed: whole.required?.includes(name) ?? false });
        if (depth + 1 >= deepest) continue;
        if (inner.items) rows.push(...fieldsOf(document, inner.items, `${prefix}${name}[].`, depth + 1));
        else if (inner.properties) rows.push(...fieldsOf(document, inner, `${prefix}${name}.`, depth + 1));
    }
    return rows;
}

// `data` of the envelope, or what comes without one.
function answerOf(described: Described): Schema | undefined {
    const schema = described.responses['200']?.content?.['application/json']?.schema;
    if (schema?.allOf) return schema.allOf.at(-1)?.properties?.data;
    return schema?.oneOf?.[0];
}

function operationOf(document: Document, path: string, method: string, described: Described): Operation {
    const body = described.requestBody?.content['application/json']?.schema;
    const answer = answerOf(described);
    const files = Object.keys(described.responses['200']?.content ?? {}).filter((media) => media !== 'application/json');
    return {
        method: method.toUpperCase(),
        path,
        about: described.summary,
        access: described['x-access'] ?? 'open',
        takes: body ? fieldsOf(document, body) : [],
        gives: answer ? fieldsOf(document, answer) : [],
        givesKind: files[0] ?? (answer ? kindOf(resolve(document, answer)) : ''),
    };
}

export async function loadReference(): Promise<Group[]> {
    const answer = await fetch('/api/openapi.json', { cache: 'no-cache' });
    if (!answer.ok) throw new Error(`/api/openapi.json: ${answer.status}`);
    const document = (await answer.json()) as Document;
    const groups = new Map<string, Operation[]>();
    for (const [path, methods] of Object.entries(document.paths)) {
        for (const [method, described] of Object.entries(methods)) {
            const name = described.tags[0] ?? '';
            groups.set(name, [...(groups.get(name) ?? []), operationOf(document, path, method, described)]);
        }
    }
    return [...groups].map(([name, operations]) => ({ name, operations })).sort((a, b) => a.name.localeCompare(b.name));
}
