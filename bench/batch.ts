// `npm run bench:batch`: `sora batch` side by side with a bare loop over the openai SDK as it comes (no ledger, no checks,
// no resume) on one fast server, its memory, and the plan of a long manifest. `--quick` makes a tenth of the rows, `--json`
// prints the rows for programs. Exits with 1 if a goal is missed.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Row, report } from './goals.ts';
import { type Command, measureProcess, median, timeProcess } from './timing.ts';

const ROOT = join(import.meta.dirname, '..');
const isQuick = process.argv.includes('--quick');
const ROWS = isQuick ? 1_000 : 10_000;
const PLANNED_ROWS = 100_000;
const CONCURRENCY = 16;
const ROUNDS = 3;

const folder = mkdtempSync(join(tmpdir(), 'sora-bench-batch-'));
const server = spawn(process.execPath, ['--import', 'tsx', join(ROOT, 'bench/server.ts')], {
  cwd: ROOT,
  stdio: ['ignore', 'pipe', 'inherit'],
});
let runs = 0;

try {
  const [line] = await once(server.stdout, 'data');
  const baseUrl = String(line).trim();
  report([...(await rate(baseUrl)), ...(await plan(baseUrl))]);
} finally {
  server.kill();
  rmSync(folder, { recursive: true, force: true });
}

/** A batch with this many rows in a new folder with its own ledger. */
function batchOf(rows: number, baseUrl: string, ...more: readonly string[]): Command {
  const cwd = join(folder, `run-${++runs}`);
  mkdirSync(cwd);
  const manifest = join(cwd, 'shots.jsonl');
  const lines = Array.from({ length: rows }, (_, at) => JSON.stringify({ id: `shot-${at}`, prompt: `scene ${at}` }));
  writeFileSync(manifest, lines.join('\n'));
  const argv = ['batch', manifest, '-o', join(cwd, 'clips'), '--concurrency', String(CONCURRENCY), '-y', ...more];
  return {
    name: 'sora batch',
    file: process.execPath,
    argv: [join(ROOT, 'bin/sora.js'), ...argv, '--base-url', baseUrl],
    env: { SORA_HOME: join(cwd, 'home') },
  };
}

function loopOf(rows: number, baseUrl: string): Command {
  const clips = join(folder, `run-${++runs}`);
  mkdirSync(clips);
  const argv = ['--import', 'tsx', join(ROOT, 'bench/sdk-loop.ts'), baseUrl, String(rows), String(CONCURRENCY), clips];
  return { name: 'loop over the openai SDK', file: process.execPath, argv };
}

/** Nothing is removed before the end: where thousands of files have just gone, ext4 takes longer to create others. */
async function rate(baseUrl: string): Promise<Row[]> {
  for (const warmUp of [batchOf(50, baseUrl), loopOf(50, baseUrl)]) await timeProcess(warmUp);
  const ratios: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const batch = measureProcess(batchOf(ROWS, baseUrl));
    const loopMs = await timeProcess(loopOf(ROWS, baseUrl));
    process.stderr.write(`${ROWS} rows: sora batch ${perSecond(batch.ms)}, bare loop ${perSecond(loopMs)} a second\n`);
    ratios.push(loopMs / batch.ms);
    peaks.push(batch.peakMegabytes);
  }
  const few = measureProcess(batchOf(ROWS / 10, baseUrl)).peakMegabytes;
  return [
    {
      what: `batch of ${ROWS} rows, ${CONCURRENCY} at once: rate`,
      measured: median(ratios),
      unit: '× a bare loop over the openai SDK',
      goal: 0.9,
      atLeast: true,
    },
    { what: `batch of ${ROWS / 10} rows: peak memory`, measured: few, unit: 'MB', goal: 170 },
    { what: `batch of ${ROWS} rows: peak memory`, measured: Math.max(...peaks), unit: 'MB', goal: 170 },
  ];
}

function perSecond(ms: number): number {
  return Math.round(ROWS / (ms / 1000));
}

async function plan(baseUrl: string): Promise<Row[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++)
    times.push(await timeProcess(batchOf(PLANNED_ROWS, baseUrl, '--dry-run')));
  return [{ what: `plan of ${PLANNED_ROWS} rows`, measured: median(times), unit: 'ms', goal: 5_000 }];
}
