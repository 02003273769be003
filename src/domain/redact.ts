/** The API's own query parameters; any other may be part of a signature. */
const PLAIN_QUERY: ReadonlySet<string> = new Set(['limit', 'after', 'order', 'variant', 'api-version']);

/** Of a longer secret, a regular expression would take seconds to compile, or be too large. Shorter pieces are not hidden. */
const PIECES = /.{1,1000}(?=.{8}|$)/gsu;

/** The secrets of a run: filters everything that is shown, written to a file or read from a server. */
export class Secrets {
  readonly #known = new Set<string>();

  constructor(secrets: readonly string[] = []) {
    this.add(...secrets);
  }

  add(...secrets: readonly string[]): void {
    for (const secret of secrets) for (const piece of secret.match(PIECES) ?? []) this.#known.add(piece);
  }

  /** Removes known secrets only, from text that must not change otherwise, such as JSON. */
  hide(text: string): string {
    return hideSecrets(text, [...this.#known]);
  }

  /** Also removes what looks like a secret, from text for people. */
  redact(text: string): string {
    return redact(text, [...this.#known]);
  }
}

/** A text that may be shown or logged: without keys, bearer tokens, signed queries and embedded data. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return (
    hideSecrets(text, secrets)
      .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]')
      .replace(/\bsk-[\w-]{8,}[\w~+/=%-]*/g, '[redacted]') // to its end, which is not known by itself
      .replace(/\bdata:[\w/+.-]+;base64,[\w+/=]{16,}/g, 'data:[redacted]')
      // A backslash belongs to the surrounding JSON, and a final backtick to the sentence.
      .replace(
        /\b(https?:\/\/[^\s"'<>\\]+?)(`[),.;:]*)?(?=[\s"'<>\\]|$)/gi,
        (_, url, rest = '') => redactUrl(url) + rest,
      )
      .replace(SIGNED_PARAMETER, '$1[redacted]')
  );
}

/** Parameters in an address without origin, as servers quote it. */
const SIGNED_PARAMETER =
  /([?&][\w-]*(?:sig|signature|token|secret|credential|api[-_]?key)=)(?!redacted\b)[^&\s"'`<>\\,;)]+/gi;

/**
 * Shorter secrets are hidden only as whole words, and only if they are more than a word or a number. Local servers accept
 * any word as a key (`test`, `EMPTY`): hiding those would damage paths and prompts.
 */
const SHORTEST_SECRET = 8;
const SHORTEST_WORD = 4;

/** Whether a secret can be distinguished from other text. */
export function canBeHidden(secret: string): boolean {
  if (secret.length >= SHORTEST_SECRET) return true;
  return secret.length >= SHORTEST_WORD && /[a-z]/i.test(secret) && /[^a-z]/i.test(secret);
}

/** Removes only known secrets from a text, in every encoding they may have there. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  const hidden = hideEncoded(text, secrets);
  if (!HAS_MARKS.test(hidden)) return hidden;
  const bare = hidden.replace(MARKS, '');
  const shown = hideEncoded(bare, secrets);
  return shown === bare ? hidden : shown;
}

function hideEncoded(text: string, secrets: readonly string[]): string {
  return secrets.filter(canBeHidden).reduce((clean, secret) => {
    const { usual, escaped } = spellingsOf(secret);
    const rest = clean.replace(usual, '[redacted]');
    return HAS_ESCAPES.test(rest) ? rest.replace(escaped, '[redacted]') : rest;
  }, text);
}

/** The parts of a header or parameter that a server may repeat: the value, the credentials in it, and what those encode. */
export function secretsWithin(value: string): string[] {
  const [, scheme = '', credentials] = /^(\S+)\s+(\S.*)$/.exec(value) ?? [];
  if (credentials === undefined) return [value];
  const decoded = scheme.toLowerCase() === 'basic' ? Buffer.from(credentials, 'base64').toString('utf8') : '';
  const colon = decoded.indexOf(':');
  return [value, credentials, ...(colon === -1 ? [] : [decoded, decoded.slice(colon + 1)])];
}

/** The user and password of an address, as they are sent; empty if it has none. */
export function secretsOfUrl(address: string): string[] {
  if (!URL.canParse(address)) return [];
  const { username, password } = new URL(address);
  return [decodePercent(username), decodePercent(password)].filter((part) => part !== '');
}

/** A text without percent-encoding; unchanged if it is not valid. */
export function decodePercent(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}

/** Escapes of characters that need none: few texts contain them, and searching for them takes longer. */
const HAS_ESCAPES = /\\u00|\\x|%[2-7]|&#/;

/** The start of an escape in JSON, or in JSON within JSON; of three backslashes, two are a character. */
const ESCAPE = String.raw`(?:(?<!\\)(?:\\\\){1,2}|\\)u`;
/** Colours, and all that a header cannot contain, also as JSON escapes it: what is invisible would be lost when it is shown. */
const MARKS = new RegExp(
  [
    String.raw`(?:\x1b|${ESCAPE}001b)\[[\d;]*m`,
    String.raw`[^\t\n\r -~\xa1-\xac\xae-\xff]+`,
    String.raw`${ESCAPE}(?!00(?:[2-6]|7[\da-e]|a[1-cef]|[b-f]))[\da-f]{4}`,
  ].join('|'),
  'gi',
);
const HAS_MARKS = /[^\t\n\r -~\xa1-\xac\xae-\xff]|\\u(?!00[2-7b-f])/i;

interface Spellings {
  readonly usual: RegExp;
  /** With any of its characters escaped. */
  readonly escaped: RegExp;
}

const spellings = new Map<string, Spellings>();
const MOST_SPELLINGS = 100;

function spellingsOf(secret: string): Spellings {
  const known = spellings.get(secret);
  if (known !== undefined) return known;
  const bytes = Buffer.from(secret);
  const isWord = secret.length < SHORTEST_SECRET;
  const pattern = (...spelled: readonly string[]): RegExp =>
    new RegExp(isWord ? `(?<![A-Za-z0-9])${spelled[0]}(?![A-Za-z0-9])` : spelled.join('|'), 'gi');
  const made = {
    usual: pattern(
      escaped(secret, SPECIAL),
      ...[0, 1, 2].map((alignment) => escaped(base64At(bytes, alignment), SPECIAL, URL_SAFE)),
      bytes.toString('hex'),
    ),
    escaped: pattern(escaped(secret, EVERY)),
  };
  if (spellings.size >= MOST_SPELLINGS) spellings.clear();
  spellings.set(secret, made);
  return made;
}

/** The base64 characters that depend only on the secret, if it starts this many bytes after a multiple of three. */
function base64At(bytes: Uint8Array, alignment: number): string {
  const text = Buffer.concat([new Uint8Array(alignment), bytes]).toString('base64');
  const bits = 8 * (alignment + bytes.length);
  return text.slice(Math.ceil((8 * alignment) / 6), Math.floor(bits / 6));
}

/** Backslashes before a character, as in JSON within JSON, also when encoded in an address. */
const ESCAPES = '(?:\\\\|%(?:25){0,4}5c){0,16}';

/** Base64's special characters, as URL-safe base64 writes them. */
const URL_SAFE: Readonly<Record<string, string>> = { '+': '|-', '/': '|_' };

/** Characters that addresses and JSON may escape although they need not. */
const SPECIAL = /[^A-Za-z0-9]/g;
const EVERY = /./gs;

/** The names of characters in HTML. */
const ENTITIES: Readonly<Record<string, string>> = { '&': 'amp', '<': 'lt', '>': 'gt', '"': 'quot', "'": 'apos' };

/** `+` is `\u002b` or `\\+` in JSON, `\x2b` in a program, `%2B` in an address and `&#43;` or `&#x2b;` in HTML. */
function escaped(text: string, which: RegExp, others: Readonly<Record<string, string>> = { ' ': '|\\+' }): string {
  return text.replace(which, (character) => {
    const number = character.charCodeAt(0);
    const code = number.toString(16).padStart(4, '0');
    const entity = `&(?:#0*${number}|#x0*${number.toString(16)}|${ENTITIES[character] ?? '#'});`;
    const percent = Buffer.from(character).toString('hex').replace(/../g, '%(?:25){0,4}$&');
    return `${ESCAPES}(?:\\u${code}|u${code}|x${code.slice(2)}|${percent}|${entity}${others[character] ?? ''})`;
  });
}

/** A URL without user, password and the values of a query that may be signed. */
export function redactUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  const shown = new URLSearchParams();
  const hidden = new Set<string>();
  for (const [name, value] of url.searchParams) {
    if (PLAIN_QUERY.has(name)) shown.append(name, value);
    else if (!hidden.has(name)) shown.append(name, 'redacted');
    hidden.add(name);
  }
  url.search = String(shown); // in one step: setting the parameters one by one is quadratic
  return url.toString();
}
