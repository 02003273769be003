import type { ApiForm, Encoding } from '../domain/dialect.ts';
import type { VideoRequest } from '../domain/video.ts';
import { WIRE_FORMS } from './forms.ts';
import { encodeForm, encodePlainJson } from './videos.ts';

export interface CurlTarget {
  readonly url: string;
  readonly form: ApiForm;
  /** Name of the header and the text before the key; null for a server without a key. */
  readonly auth: { readonly name: string; readonly prefix: string } | null;
  readonly encoding: Encoding;
  /** Path of the reference image, when there is one. */
  readonly imagePath: string | null;
}

/** The create as a command that can be pasted into a shell; the key stays in `$OPENAI_API_KEY`. */
export function curlFor(request: VideoRequest, { url, form, auth, encoding, imagePath }: CurlTarget): string {
  const parts = [`curl ${quote(url)}`];
  if (auth !== null) parts.push(`-H "${auth.name}: ${auth.prefix}$OPENAI_API_KEY"`);
  if (encoding !== 'multipart') {
    const body = encoding === 'json' ? WIRE_FORMS[form].encode(request) : encodePlainJson(request);
    parts.push(`-H "Content-Type: application/json"`, `-d ${quote(JSON.stringify(body))}`);
  } else {
    for (const [name, value] of encodeForm(request)) {
      // `--form-string` takes a leading @ or < as text; `-F` reads a file.
      parts.push(
        typeof value === 'string'
          ? `--form-string ${quote(`${name}=${value}`)}`
          : `-F ${quote(`${name}=@${formPath(imagePath ?? value.name)};type=${value.type}`)}`,
      );
    }
  }
  return parts.join(' \\\n  ');
}

/** curl's own quotes, where a path holds what else would end it in a form field. */
function formPath(path: string): string {
  return /[;,"\\]/.test(path) ? `"${path.replace(/["\\]/g, '\\$&')}"` : path;
}

/** Quotes for a POSIX shell, where that is needed. */
function quote(text: string): string {
  return /^[\w./:@%+=,-]+$/.test(text) ? text : `'${text.replace(/'/g, `'\\''`)}'`;
}
