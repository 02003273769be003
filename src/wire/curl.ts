import { shellWord } from '../domain/shell.ts';
import type { VideoRequest } from '../domain/video.ts';
import { encodeForm, encodeJson } from './videos.ts';

export interface CurlTarget {
  readonly url: string;
  /** Name of the header and the text before the key; null for a server without a key. */
  readonly auth: { readonly name: string; readonly prefix: string } | null;
  readonly encoding: 'json' | 'multipart';
  /** Path of the reference image, when there is one. */
  readonly imagePath: string | null;
}

/** The create as a command that can be pasted into a shell; the key stays in `$OPENAI_API_KEY`. */
export function curlFor(request: VideoRequest, { url, auth, encoding, imagePath }: CurlTarget): string {
  const parts = [`curl ${shellWord(url)}`];
  if (auth !== null) parts.push(`-H "${auth.name}: ${auth.prefix}$OPENAI_API_KEY"`);
  if (encoding === 'json') {
    parts.push(`-H "Content-Type: application/json"`, `-d ${shellWord(JSON.stringify(encodeJson(request)))}`);
  } else {
    for (const [name, value] of encodeForm(request)) {
      // `--form-string` takes a leading @ or < as text; `-F` reads a file.
      parts.push(
        typeof value === 'string'
          ? `--form-string ${shellWord(`${name}=${value}`)}`
          : `-F ${shellWord(`${name}=@${formPath(imagePath ?? value.name)};type=${value.type}`)}`,
      );
    }
  }
  return parts.join(' \\\n  ');
}

/** curl's own quotes, where a path holds what else would end it in a form field. */
function formPath(path: string): string {
  return /[;,"\\]/.test(path) ? `"${path.replace(/["\\]/g, '\\$&')}"` : path;
}
