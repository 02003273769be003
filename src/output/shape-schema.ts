import { JOB_SCHEMA, type JsonSchema, recordOf } from './job-schema.ts';
import { JOB_JSON_SHAPE } from './job-view.ts';

/** A document that a command may print. */
export interface AnswerSchema {
  /** The options that make it this one; null for the usual document. */
  readonly when: string | null;
  readonly schema: JsonSchema;
}

/** JSON Schemas of the documents in a command's `json`, which separates them by `; when: `. */
export function answerSchemas(shapes: string): AnswerSchema[] {
  return splitAt(shapes, ';').flatMap((part) => {
    const [, when = null, shape = ''] = /^\s*(?:([a-z][^:{]*):\s*)?(.*)$/s.exec(part) ?? [];
    const schema = schemaOfShape(shape);
    return schema === null ? [] : [{ when, schema }];
  });
}

/** Null for a text that does not begin with a document; what follows the document, except `|null`, is a remark. */
function schemaOfShape(text: string): JsonSchema | null {
  if (text.startsWith('null')) return { type: 'null' };
  const end = endOfValue(text);
  if (!/^[{[]/.test(text) || end === -1) return null;
  const schema = schemaOfValue(text.slice(0, end + 1));
  return text.startsWith('|null', end + 1) ? { anyOf: [schema, { type: 'null' }] } : schema;
}

function schemaOfValue(text: string): JsonSchema {
  if (text === JOB_JSON_SHAPE) return JOB_SCHEMA;
  const inside = text.slice(1, -1);
  if (text.startsWith('{')) return objectSchema(inside);
  const [items = ''] = splitAt(inside, ',');
  return { type: 'array', items: schemaOfShape(items) ?? {} };
}

function objectSchema(inside: string): JsonSchema {
  const properties = splitAt(inside, ',').flatMap((member): [string, JsonSchema][] => {
    const [, name, value = ''] = /^\s*"([\w-]+)"(?::(.*))?$/s.exec(member) ?? [];
    if (name === undefined) return [];
    const shape = name === 'jobs' ? value.replace('[…]', `[${JOB_JSON_SHAPE}]`) : value;
    return [[name, schemaOfShape(shape) ?? {}]];
  });
  return recordOf(Object.fromEntries(properties));
}

/** The index of the bracket that closes the first one; -1 without one. */
function endOfValue(text: string): number {
  let depth = 0;
  for (const [at, character] of [...text].entries()) {
    if ('{['.includes(character)) depth++;
    if ('}]'.includes(character) && --depth === 0) return at;
  }
  return -1;
}

/** The parts between separators outside of brackets. */
function splitAt(text: string, separator: string): string[] {
  const parts = [''];
  let depth = 0;
  for (const character of text) {
    if ('{['.includes(character)) depth++;
    if ('}]'.includes(character)) depth--;
    if (character === separator && depth === 0) parts.push('');
    else parts[parts.length - 1] += character;
  }
  return parts;
}
