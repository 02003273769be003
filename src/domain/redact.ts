/** The API's own query parameters; any other may be part of a signature. */
const PLAIN_QUERY: ReadonlySet<string> = new Set(['limit', 'after', 'order', 'variant', 'api-version']);

/** Text that may be shown or logged: without keys, bearer tokens, signed queries and embedded data. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return (
    hideSecrets(text, secrets)
      .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]')
      .replace(/\bsk-[\w-]{8,}/g, '[redacted]')
      .replace(/\bdata:[\w/+.-]+;base64,[\w+/=]{16,}/g, 'data:[redacted]')
      // A backslash belongs to the JSON around an address, and a backtick at its end to the sentence.
      .replace(
        /\b(https?:\/\/[^\s"'<>\\]+?)(`[),.;:]*)?(?=[\s"'<>\\]|$)/gi,
        (_, url, rest = '') => redactUrl(url) + rest,
      )
      .replace(SIGNED_PARAMETER, '$1[redacted]')
  );
}

/** In an address without its origin, as servers quote it. */
const SIGNED_PARAMETER =
  /([?&][\w-]*(?:sig|signature|token|secret|credential|api[-_]?key)=)(?!redacted\b)[^&\s"'`<>\\,;)]+/gi;

/** Local servers take any word as their key (`test`, `EMPTY`): hiding it would tear holes into paths and prompts. */
const SHORTEST_SECRET = 8;

/** Text that must stay as it is but for the secrets that are known, however a text within a text spells them. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .reduce((clean, secret) => clean.replace(anySpellingOf(secret), '[redacted]'), text);
}

/** Backslashes before a character, as many as JSON within JSON has, also when all of it stands in an address. */
const ESCAPES = '(?:\\\\|%(?:25)*5c)*';

/** `+` is `\u002b` or `\\+` in JSON and `%2B` in an address; letters, digits and `-` are the same everywhere. */
function anySpellingOf(secret: string): RegExp {
  const pattern = secret.replace(/[^\w-]/g, (character) => {
    const hex = character.charCodeAt(0).toString(16).padStart(2, '0');
    return `${ESCAPES}(?:\\x${hex}|u00${hex}|%(?:25)*${hex}${character === ' ' ? '|\\+' : ''})`;
  });
  return new RegExp(pattern, 'gi');
}

/** A URL without user, password and the values of a query that may be signed. */
export function redactUrl(text: string): string {
  if (!URL.canParse(text)) return text;
  const url = new URL(text);
  if (url.username === '' && url.password === '' && url.search === '') return text;
  url.username = '';
  url.password = '';
  for (const name of new Set(url.searchParams.keys())) {
    if (!PLAIN_QUERY.has(name)) url.searchParams.set(name, 'redacted');
  }
  return url.toString();
}
