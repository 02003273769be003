import { once } from 'node:events';
import type { Binary, BinaryRun } from './binary.ts';
import { expectPromised } from './document-check.ts';

export interface ServeRun extends BinaryRun {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** Sends a call to a path, and checks the reply against the document. */
  call(path: string, init?: RequestInit): Promise<Response>;
  /** The document printed at the start. */
  readonly started: Readonly<Record<string, string | null>>;
}

/** `sora serve` as a process on a free port, once it listens. */
export async function startServe(
  sora: Binary,
  argv: readonly string[] = [],
  env: Readonly<Record<string, string>> = {},
): Promise<ServeRun> {
  const run = sora.start(['serve', '--port', '0', '--json', ...argv], env);
  let printed = '';
  for (;;) {
    const [chunk] = await once(run.child.stdout, 'data');
    printed += String(chunk);
    if (!printed.endsWith('}\n')) continue;
    const started: Record<string, string | null> = JSON.parse(printed);
    const url = started.url ?? '';
    return {
      ...run,
      url,
      started,
      async call(path, init = {}) {
        const reply = await fetch(`${url}${path}`, init);
        await expectPromised(init.method ?? 'GET', reply.url, reply);
        return reply;
      },
    };
  }
}
