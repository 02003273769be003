import { once } from 'node:events';
import type { Binary, BinaryRun } from './binary.ts';

export interface ServeRun extends BinaryRun {
  /** `http://127.0.0.1:PORT`. */
  readonly url: string;
  /** What was printed when it listened. */
  readonly started: Readonly<Record<string, string | null>>;
}

/** `sora serve` as a process, on a free port, once it listens. */
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
    return { ...run, url: started.url ?? '', started };
  }
}
