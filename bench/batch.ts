// `npm run bench:batch`: `sora batch` compared with a bare loop over the openai SDK (no ledger, no checks, no resume) on one
// fast server, its memory, and the plan of a long manifest. `--quick` uses a tenth of the rows, `--json` prints JSON. Exits
// with 1 if a goal is missed.
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type Row, report } from './goals.ts';
import { type Command, measureProcess, median, ROOT, startServer, timeProcess } from './timing.ts';

const isQuick = process.argv.includes('--quick');
const ROWS = isQuick ? 1_000 : 10_000;
const PLANNED_ROWS = 100_000;
const CONCURRENCY = 16;
const ROUNDS = 3;

const folder = mkdtempSync(join(tmpdir(), 'sora-bench-batch-'));
const { baseUrl, stop } = await startServer();
let runs = 0;

try {
  report([...(await rate()), ...(await plan())]);
} finally {
  stop();
  rmSync(folder, { recursive: true, force: true });
}

/** A batch of this many rows, in a new folder with its own ledger. */
function batchOf(rows: number, ...more: readonly string[]): Command {
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

function loopOf(rows: number): Command {
  const clips = join(folder, `run-${++runs}`);
  mkdirSync(clips);
  const argv = ['--import', 'tsx', join(ROOT, 'bench/sdk-loop.ts'), baseUrl, String(rows), String(CONCURRENCY), clips];
  return { name: 'loop over the openai SDK', file: process.execPath, argv };
}

/** Removes nothing before the end: after thousands of files were removed, ext4 takes longer to create others. */
async function rate(): Promise<Row[]> {
  for (const warmUp of [batchOf(50), loopOf(50)]) await timeProcess(warmUp);
  const ratios: number[] = [];
  const peaks: number[] = [];
  for (let round = 0; round < ROUNDS; round++) {
    const batch = measureProcess(batchOf(ROWS));
    const loopMs = await timeProcess(loopOf(ROWS));
    process.stderr.write(`${ROWS} rows: sora batch ${perSecond(batch.ms)}, bare loop ${perSecond(loopMs)} a second\n`);
    ratios.push(loopMs / batch.ms);
    peaks.push(batch.peakMegabytes);
  }
  const few = measureProcess(batchOf(ROWS / 10)).peakMegabytes;
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

async function plan(): Promise<Row[]> {
  const times: number[] = [];
  for (let round = 0; round < ROUNDS; round++) times.push(await timeProcess(batchOf(PLANNED_ROWS, '--dry-run')));
  return [{ what: `plan of ${PLANNED_ROWS} rows`, measured: median(times), unit: 'ms', goal: 5_000 }];
}
