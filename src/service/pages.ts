import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

interface WebFile {
  /** Relative to the folder of the pages. */
  readonly file: string;
  readonly type: string;
  /** Stored compressed with brotli, which all browsers accept. */
  readonly isCompressed?: true;
}

/** Every file by its path: no part of a request ever becomes a file name. */
const FILES: Readonly<Record<string, WebFile>> = {
  '/': { file: 'index.html', type: 'text/html; charset=utf-8' },
  '/docs': { file: 'docs.html', type: 'text/html; charset=utf-8' },
  '/assets/page.css': { file: 'page.css', type: 'text/css; charset=utf-8' },
  '/assets/page.js': { file: 'page.js', type: 'text/javascript; charset=utf-8' },
  '/assets/docs.css': { file: 'docs.css', type: 'text/css; charset=utf-8' },
  '/assets/docs.js': { file: 'docs.js', type: 'text/javascript; charset=utf-8' },
  '/assets/icon.svg': { file: 'icon.svg', type: 'image/svg+xml' },
  '/assets/swagger-ui.css': { file: 'swagger-ui.css.br', type: 'text/css; charset=utf-8', isCompressed: true },
  '/assets/swagger-ui-bundle.js': {
    file: 'swagger-ui-bundle.js.br',
    type: 'text/javascript; charset=utf-8',
    isCompressed: true,
  },
};

export const PAGE_PATHS = Object.keys(FILES);

/** The pages load nothing from other origins and send nothing there. Swagger UI needs inline styles and data URLs. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "img-src 'self' data: blob:",
  "media-src 'self' blob:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'self'",
  "frame-ancestors 'none'",
].join('; ');

/** A page or one of its files; `path` is one of `PAGE_PATHS`. `demoKey` is the key that pages start with, or empty. */
export async function pageReply(path: string, request: Request, webDir: string, demoKey: string): Promise<Response> {
  const { file, type, isCompressed } = FILES[path] ?? { file: 'index.html', type: 'text/html' };
  const bytes = await readFile(join(webDir, file));
  const headers = {
    'content-type': type,
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  if (file.endsWith('.html')) {
    return new Response(bytes.toString('utf8').replaceAll('{{demo-key}}', demoKey), { headers });
  }
  if (!isCompressed) return new Response(bytes, { headers });
  const takesBrotli = /\bbr\b/.test(request.headers.get('accept-encoding') ?? '');
  return takesBrotli
    ? new Response(bytes, { headers: { ...headers, 'content-encoding': 'br' } })
    : new Response(brotliDecompressSync(bytes), { headers });
}
