import { type JsonValue, parseExactJson } from '../domain/json.ts';

/**
 * The value of a reply; undefined if there is none. Almost-JSON is accepted: `NaN` and `undefined` become null, commas may
 * trail, a document may be encoded twice; of server-sent events and several documents the last one counts.
 */
export function parseReplyJson(text: string): JsonValue | undefined {
  const value = parseExactJson(text);
  if (typeof value === 'string' && value.trimStart().startsWith('{')) return parseExactJson(value) ?? value;
  if (value !== undefined || !/^\s*(?:[{[]|data:|event:|:)/.test(text)) return value;
  const repaired = asStrictJson(eventData(text));
  return parseExactJson(repaired) ?? parseExactJson(lastDocument(repaired));
}

/** The last event with data, whose lines belong together; any other text unchanged. */
function eventData(text: string): string {
  const events = text.split(/\r?\n\r?\n/).map((event) => {
    const lines = event.split(/\r?\n/).filter((line) => line.startsWith('data:'));
    return lines.map((line) => line.slice('data:'.length).trim()).join('\n');
  });
  return events.findLast((data) => data.startsWith('{')) ?? text;
}

/** Python writes `NaN` and `Infinity`, templates `undefined` and trailing commas; JSON has none of these. */
function asStrictJson(text: string): string {
  let inString = false;
  return text.replace(/\\.|"|-?\b(?:NaN|Infinity|undefined)\b|,(?=\s*[}\]])/gs, (part) => {
    if (part === '"') inString = !inString;
    if (inString || part === '"' || part.startsWith('\\')) return part;
    return part === ',' ? '' : 'null';
  });
}

/** The last of several concatenated documents, in one pass. */
function lastDocument(text: string): string {
  let depth = 0;
  let start = 0;
  let last = '';
  let inString = false;
  for (let at = 0; at < text.length; at++) {
    const character = text[at];
    if (inString) {
      if (character === '\\') at++;
      else if (character === '"') inString = false;
    } else if (character === '"') inString = true;
    else if (character === '{' || character === '[') {
      if (depth++ === 0) start = at;
    } else if ((character === '}' || character === ']') && --depth === 0) last = text.slice(start, at + 1);
    if (depth < 0) return '';
  }
  return depth === 0 ? last : '';
}
