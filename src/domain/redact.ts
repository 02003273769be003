/** The API's own query parameters; any other may be part of a signature. */
const PLAIN_QUERY: ReadonlySet<string> = new Set(['limit', 'after', 'order', 'variant', 'api-version']);

/** Text that may be shown or logged: without keys, bearer tokens, signed queries and embedded data. */
export function redact(text: string, secrets: readonly string[] = []): string {
  return hideSecrets(text, secrets)
    .replace(/\b(Bearer|Basic)\s+[\w.~+/=-]{6,}/gi, '$1 [redacted]')
    .replace(/\bsk-[\w-]{8,}/g, '[redacted]')
    .replace(/\bdata:[\w/+.-]+;base64,[\w+/=]{16,}/g, 'data:[redacted]')
    .replace(/\bhttps?:\/\/[^\s"'<>\\]+/g, redactUrl); // a backslash belongs to the JSON around an address
}

/** Local servers take any word as their key (`test`, `EMPTY`): hiding it would tear holes into paths and prompts. */
const SHORTEST_SECRET = 8;

/** Text that must stay as it is but for the secrets that are known. */
export function hideSecrets(text: string, secrets: readonly string[]): string {
  return secrets
    .filter((secret) => secret.length >= SHORTEST_SECRET)
    .flatMap(spellingsOf)
    .reduce((clean, spelling) => clean.replaceAll(spelling, '[redacted]'), text);
}

/** A secret as it is, within JSON, and in the query of an address. */
function spellingsOf(secret: string): string[] {
  return [secret, JSON.stringify(secret).slice(1, -1), new URLSearchParams([['', secret]]).toString().slice(1)];
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
