/** The minimum length of an ending that identifies an id. */
export const MIN_ENDING = 4;
/** What tables show: enough that an ending seen today is still unique tomorrow. */
const SHOWN_ENDING = 6;
/** Ids up to this length are shown whole, and so are those that a shell needs quoted. */
const SHORT_ENOUGH = 10;
const PLAIN = /^[\w:.=+/%-]+$/;
/** A longer ending is treated as a whole id. */
const LONGEST_ENDING = 15;
/** Longer ids are encoded data, such as those of LiteLLM. They end alike. */
const LONGEST_ID = 80;

/** How an id is shown to people: its shortest ending that no other id has. */
export function shortId(id: string, others: Iterable<string>): string {
  if (id.length <= SHORT_ENOUGH || !PLAIN.test(id)) return id;
  let length = SHOWN_ENDING;
  for (const other of others) if (other !== id) length = Math.max(length, sharedEnding(id, other) + 1);
  // An ending that begins with a dash would be parsed as an option.
  while (length < id.length && !/\w/.test(id.charAt(id.length - length))) length++;
  return id.slice(-length);
}

function sharedEnding(a: string, b: string): number {
  let length = 0;
  while (length < a.length && length < b.length && a.at(-1 - length) === b.at(-1 - length)) length++;
  return length;
}

/** Whether the ending of an id is too long to type, now or as soon as the server creates more jobs. */
export function endsAlike(id: string, ending: string): boolean {
  return id.length > LONGEST_ID || ending.length > LONGEST_ENDING;
}

/** Whether a text that names no known job may be a whole id of a server; anything else is the ending of one. */
export function looksWhole(text: string): boolean {
  return text.length < MIN_ENDING || text.length > LONGEST_ENDING || /[^a-z0-9]/i.test(text);
}
