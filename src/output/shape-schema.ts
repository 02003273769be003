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

/** Null for a text that does not begin with a document; what follows the document is a remark. */
function schemaOfShape(text: string): JsonSchema | null {
  if (text.startsWith(JOB_JSON_SHAPE)) return JOB_SCHEMA;
  const end = endOfValue(text);
  if (text.startsWith('{') && end !== -1) return objectSchema(text.slice(1, end));
  if (text.startsWith('[') && end !== -1) {
    const [items = ''] = splitAt(text.slice(1, end), ',');
    return { type: 'array', items: schemaOfShape(items) ?? {} };
  }
  if (text.startsWith('null')) return { type: 'null' };
  return null;
}

function objectSchema(inside: string): JsonSchema {
  const properties = splitAt(inside, ',').flatMap((member): [string, JsonSchema][] => {
    const [, name, value = ''] = /^\s*"([\w-]+)"(?::(.*))?$/s.exec(member) ?? [];
    return name === undefined ? [] : [[name, schemaOfShape(value) ?? {}]];
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
