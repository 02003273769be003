// `npm run bench:workers`: the same rows on one fast server by `sora batch` with the file ledger, by `sora batch` with a ledger in
// PostgreSQL, and by 1, 2 and 4 workers on a queue there, each in its own process, on a temporary PostgreSQL that waits
// for its disk. `workers.ts [--rows N] [--workers 1,2,4]`. Exits with 1 if a goal is missed. `npm run build` first.
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { text } from 'node:stream/consumers';
import { parseArgs } from 'node:util';
import { systemClock as clock } from '../src/platform/clock.ts';
import { startPostgres } from '../test/support/postgres.ts';
import { report } from './goals.ts';
import { ROOT, startServer } from './timing.ts';

const { values } = parseArgs({
  options: {
    rows: { type: 'string', default: '10000' },
    workers: { type: 'string', default: '1,2,4' },
    json: { type: 'boolean' },
  },
});
const rows = Number(values.rows);
const CONCURRENCY = 16;

const folder = mkdtempSync(join(tmpdir(), 'sora-bench-workers-'));
const postgres = await startPostgres({ isDurable: true });
const { baseUrl, stop } = await startServer();
let runs = 0;

/** A folder with the manifest, and a function that runs `sora` there. */
function place(ledger: string | null): { readonly clips: string; start(...argv: readonly string[]): ChildProcess } {
  const cwd = join(folder, `run-${++runs}`);
  const clips = join(cwd, 'clips');
  mkdirSync(clips, { recursive: true });
  const prompts = Array.from({ length: rows }, (_, at) => JSON.stringify({ id: `shot-${at}`, prompt: `scene ${at}` }));
  writeFileSync(join(cwd, 'shots.jsonl'), prompts.join('\n'));
  let machines = 0;
  return {
    clips,
    start(...argv) {
      const env = {
        ...process.env,
        SORA_HOME: join(cwd, `home-${++machines}`),
        ...(ledger === null ? {} : { SORA_LEDGER: ledger }),
      };
      return spawn(process.execPath, [join(ROOT, 'bin/sora.js'), ...argv, '--base-url', baseUrl], {
        cwd,
        env,
        stdio: ['ignore', 'ignore', 'pipe'],
      });
    },
  };
}

async function finish(child: ChildProcess): Promise<void> {
  const [said, [code]] = await Promise.all([child.stderr === null ? '' : text(child.stderr), once(child, 'exit')]);
  if (code !== 0) throw new Error(said);
}

/** The rows per second of `work`, which has its own folder. */
async function rate(what: string, clips: string, work: () => Promise<unknown>): Promise<number> {
  const startedMs = clock.uptimeMs();
  await work();
  const perSecond = rows / ((clock.uptimeMs() - startedMs) / 1000);
  if (readdirSync(clips).length !== rows) throw new Error(`${what} did not save ${rows} files`);
  process.stderr.write(`${what}: ${perSecond.toFixed(0)} rows a second\n`);
  rmSync(clips, { recursive: true });
  return perSecond;
}

async function batch(what: string, ledger: string | null): Promise<number> {
  const { clips, start } = place(ledger);
  const argv = ['batch', 'shots.jsonl', '-o', clips, '--concurrency', String(CONCURRENCY), '-y'];
  return rate(what, clips, () => finish(start(...argv)));
}

async function workers(count: number): Promise<number> {
  const { clips, start } = place(postgres.createDatabase());
  await finish(start('batch', 'shots.jsonl', '-o', clips, '-y', '--queue', '--detach'));
  const work = (): Promise<void> => finish(start('worker', '--drain', '--concurrency', String(CONCURRENCY)));
  return rate(`${count} workers`, clips, () => Promise.all(Array.from({ length: count }, work)));
}

try {
  const alone = await batch('batch, ledger in a file', null);
  const shared = await batch('batch, ledger in PostgreSQL', postgres.createDatabase());
  const unit = '× the batch with the same ledger';
  const rates = [];
  for (const count of values.workers.split(',').map(Number)) rates.push({ count, perSecond: await workers(count) });
  const least = { atLeast: true } as const;
  report([
    { what: 'batch, ledger in PostgreSQL', measured: shared / alone, unit: '× one with a file', goal: 0, ...least },
    ...rates.map(({ count, perSecond }) => {
      return { what: `${count} workers: rate`, measured: perSecond / shared, unit, goal: 0.7, ...least };
    }),
  ]);
} finally {
  stop();
  await postgres.stop();
  rmSync(folder, { recursive: true, force: true });
}
