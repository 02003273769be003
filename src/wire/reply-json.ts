import { type JsonValue, parseExactJson } from '../domain/json.ts';

/**
 * The value of a reply. Almost-JSON is accepted: `NaN` and `Infinity` become null; of server-sent events and several
 * documents the last one counts. Undefined if there is no value.
 */
export function parseReplyJson(text: string): JsonValue | undefined {
  const value = parseExactJson(text);
  if (value !== undefined || !/^\s*(?:[{[]|data:|event:|:)/.test(text)) return value;
  const repaired = withoutNonNumbers(eventData(text));
  return parseExactJson(repaired) ?? parseExactJson(lastDocument(repaired));
}

/** The last `data:` of a stream of events; any other text unchanged. */
function eventData(text: string): string {
  const lines = text.split(/\r?\n/).filter((line) => line.startsWith('data:'));
  const data = lines.map((line) => line.slice('data:'.length).trim()).filter((line) => line.startsWith('{'));
  return data.at(-1) ?? text;
}

/** Python writes `NaN` and `Infinity`, which are not JSON. */
function withoutNonNumbers(text: string): string {
  let inString = false;
  return text.replace(/\\.|"|-?\b(?:NaN|Infinity)\b/gs, (part) => {
    if (part === '"') inString = !inString;
    return inString || part === '"' || part.startsWith('\\') ? part : 'null';
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
