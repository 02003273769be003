import { escapeInvisible } from '../domain/invisible.ts';
import type { JsonObject } from '../domain/json.ts';
import { shellQuoted, shellWord } from '../domain/shell.ts';
import { isForm, type WrittenCreate } from './create.ts';

/** A header or a query parameter. A secret is printed as a shell variable: `$X_LAB_TOKEN`. */
export interface CurlField {
  readonly name: string;
  readonly value: string;
  readonly isSecret: boolean;
}

export interface CurlTarget {
  readonly baseUrl: string;
  readonly query: readonly CurlField[];
  /** Name of the header, the text before the key, and the variable that holds it; null if no key is sent. */
  readonly auth: { readonly name: string; readonly prefix: string; readonly variable: string } | null;
  readonly headers: readonly CurlField[];
  /** Paths of the files in the order in which they are sent. */
  readonly paths: readonly string[];
}

/** Longer arguments are passed on standard input: Linux limits one argument to 128 KiB. */
const MAX_ARGUMENT_CHARACTERS = 100_000;

/** The create as a command to paste into a shell; secrets stay in variables. */
export function curlFor({ route, body }: WrittenCreate, target: CurlTarget): string {
  const { auth, headers, paths } = target;
  const parts = [`curl ${addressOf(`${target.baseUrl.replace(/\/+$/, '')}${route}`, target.query)}`];
  const encodedByCurl = target.query.filter(needsEncoding);
  parts.push(...encodedByCurl.map((field) => `--url-query "${encode(field.name)}=${expansion(field, '')}"`));
  if (auth !== null) parts.push(`-H "${auth.name}: ${auth.prefix}$${auth.variable}"`);
  parts.push(...headers.map((header) => `-H "${shellQuoted(header.name)}: ${expansion(header, header.value)}"`));
  parts.push(...(isForm(body) ? formParts(body, paths) : jsonParts(body)));
  return parts.join(' \\\n  ');
}

function jsonParts(body: JsonObject): string[] {
  const json = escapeInvisible(JSON.stringify(body));
  const data = json.length > MAX_ARGUMENT_CHARACTERS ? `-d @- <<'END'\n${json}\nEND` : `-d ${shellWord(json)}`;
  return ['-H "Content-Type: application/json"', data];
}

/** `--form-string` takes a leading @ or < as text; `-F` reads a file. In a form every line break is sent as CRLF. */
function formParts(form: FormData, paths: readonly string[]): string[] {
  const left = [...paths];
  return [...form].map(([name, value]) =>
    typeof value === 'string'
      ? `--form-string ${shellWord(`${name}=${value.replace(/\r\n?|\n/g, '\r\n')}`)}`
      : `-F ${shellWord(`${name}=@${formPath(left.shift() ?? value.name)};type=${value.type}`)}`,
  );
}

function addressOf(url: string, query: CurlTarget['query']): string {
  const literal = query.filter((field) => !needsEncoding(field));
  if (literal.length === 0) return shellWord(url);
  const pairs = literal.map((field) => `${encode(field.name)}=${expansion(field, encode(field.value))}`);
  return `"${shellQuoted(url)}?${pairs.join('&')}"`;
}

/** Whether a secret needs URL encoding, so that its variable cannot be used in an address. */
function needsEncoding({ value, isSecret }: CurlField): boolean {
  return isSecret && encode(value) !== value;
}

/** A text as `URLSearchParams` encodes it, which contains nothing special to a shell. */
function encode(text: string): string {
  return String(new URLSearchParams([['', text]])).slice(1);
}

/** A value, or its variable, for use in double quotes. */
function expansion({ name, isSecret }: CurlField, shown: string): string {
  if (!isSecret) return shellQuoted(shown);
  return `$${name.toUpperCase().replace(/\W/g, '_').replace(/^\d/, '_$&')}`;
}

/** Quotes a path for curl's form syntax if it contains special characters. */
function formPath(path: string): string {
  return /[;,"\\]/.test(path) ? `"${path.replace(/["\\]/g, '\\$&')}"` : path;
}
