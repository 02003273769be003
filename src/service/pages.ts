import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
import { brotliDecompressSync } from 'node:zlib';

/** Every file by its path, relative to the folder of the pages: no part of a request ever becomes a file name. */
const FILES: Readonly<Record<string, string>> = {
  '/': 'index.html',
  '/docs': 'docs.html',
  '/assets/page.css': 'page.css',
  '/assets/page.js': 'page.js',
  '/assets/docs.css': 'docs.css',
  '/assets/docs.js': 'docs.js',
  '/assets/icon.svg': 'icon.svg',
  '/assets/swagger-ui.css': 'swagger-ui.css.br',
  '/assets/swagger-ui-bundle.js': 'swagger-ui-bundle.js.br',
};

const TYPES: Readonly<Record<string, string>> = {
  html: 'text/html; charset=utf-8',
  css: 'text/css; charset=utf-8',
  js: 'text/javascript; charset=utf-8',
  svg: 'image/svg+xml',
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
  const file = FILES[path] ?? 'index.html';
  const bytes = await readFile(join(webDir, file));
  const [, extension = ''] = /\.(\w+)(\.br)?$/.exec(file) ?? [];
  const headers = {
    'content-type': TYPES[extension] ?? '',
    'content-security-policy': POLICY,
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'no-referrer',
    'cache-control': 'no-cache',
  };
  if (file.endsWith('.html')) {
    return new Response(bytes.toString('utf8').replaceAll('{{demo-key}}', demoKey), { headers });
  }
  if (!file.endsWith('.br')) return new Response(bytes, { headers });
  const takesBrotli = /\bbr\b/.test(request.headers.get('accept-encoding') ?? '');
  return takesBrotli
    ? new Response(bytes, { headers: { ...headers, 'content-encoding': 'br' } })
    : new Response(brotliDecompressSync(bytes), { headers });
}
