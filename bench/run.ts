// `npm run bench`: what must be fast, as ratios measured side by side. `--quick` makes fewer runs, `--json` prints JSON. Exits
// with 1 if a goal is missed.
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { buildSync } from 'esbuild';
import { SELF_SIGNED } from '../test/support/self-signed.ts';
import { type Row, report } from './goals.ts';
import { fixtureId, writeLedgerFixture } from './ledger-fixture.ts';
import { type Command, measureProcess, median, ROOT, ratio, startServer, timeInTurn } from './timing.ts';

const LEDGER_JOBS = 100_000;
const MEGABYTE = 1_000_000;
const isQuick = process.argv.includes('--quick');
const rounds = isQuick ? 7 : 21;
const folder = mkdtempSync(join(tmpdir(), 'sora-bench-'));
const [server, tlsServer] = await Promise.all([startServer(), startServer('--tls')]);
const certificate = join(folder, 'certificate.pem');
writeFileSync(certificate, SELF_SIGNED.cert);

try {
  const { baseUrl } = server;
  const rows = [
    ...(await startUp(baseUrl)),
    ...(await ledger(baseUrl)),
    ...(await doctor(baseUrl)),
    ...(await downloads('HTTP', baseUrl)),
    ...(await downloads('HTTPS', tlsServer.baseUrl)),
    clip(),
  ];
  report(rows);
} finally {
  server.stop();
  tlsServer.stop();
  rmSync(folder, { recursive: true, force: true });
}

function sora(name: string, argv: readonly string[], home = join(folder, 'home')): Command {
  return { name, file: process.execPath, argv: [join(ROOT, 'bin/sora.js'), ...argv], env: { SORA_HOME: home } };
}

async function startUp(baseUrl: string): Promise<Row[]> {
  // Newer Nodes start more slowly, which leaves less room for ours.
  const [help, local, call] = Number.parseInt(process.versions.node, 10) < 24 ? [1.8, 1.9, 2.8] : [1.7, 1.8, 2.6];
  const uncached = sora('list --local, without cached code', ['list', '--local']);
  const create = ['create', 'a paper boat', '--detach', '--again', '--yes', '--base-url', baseUrl];
  const goals: readonly (readonly [Command, number])[] = [
    [sora('--version', ['--version']), 1.25],
    [sora('--help', ['--help']), help],
    [sora('config path', ['config', 'path']), local],
    [sora('list --local', ['list', '--local']), local],
    [sora('status, one call', ['status', 'video_1', '--base-url', baseUrl]), call],
    [sora('create --detach, through the openai SDK', create, join(folder, 'creates')), 6],
    [{ ...uncached, env: { ...uncached.env, NODE_DISABLE_COMPILE_CACHE: '1' } }, 3.5],
  ];
  const node = { name: 'node -e 0', file: process.execPath, argv: ['-e', '0'] };
  const times = await timeInTurn([node, ...goals.map(([command]) => command)], rounds);
  return goals.map(([{ name }, goal]) => ({
    what: `start-up: ${name}`,
    measured: ratio(times, name, node.name),
    unit: '× node -e 0',
    goal,
  }));
}

async function ledger(baseUrl: string): Promise<Row[]> {
  const [full, empty] = [join(folder, 'full'), join(folder, 'empty')];
  writeLedgerFixture(join(full, 'ledger.jsonl'), LEDGER_JOBS, baseUrl);
  const id = fixtureId(Math.floor(LEDGER_JOBS / 2));
  const questions: readonly (readonly [string, readonly string[]])[] = [
    ['status of one', ['status', id, '--base-url', baseUrl]],
    ['list of the newest 20', ['list', '--local', '-L', '20']],
  ];
  const commands = questions.flatMap(([name, argv]) => [
    sora(`${name}, full`, argv, full),
    sora(`${name}, empty`, argv, empty),
  ]);
  const times = await timeInTurn(commands, rounds);
  return questions.map(([name]) => ({
    what: `ledger of 100,000 jobs: ${name}`,
    measured: ratio(times, `${name}, full`, `${name}, empty`),
    unit: '× empty ledger',
    goal: 3,
  }));
}

/** A healthy server, compared with curl making the same calls one after the other in one process. */
async function doctor(baseUrl: string): Promise<Row[]> {
  if (!hasCurl()) return [];
  const far = baseUrl.replace('/v1', '/far/v1');
  const curl = (name: string, base: string): Command => {
    const urls = ['models', 'models/sora-2', 'videos?limit=1'].map((path) => `${base}/${path}`);
    return { name, file: 'curl', argv: ['-s', ...urls.flatMap((url) => ['-o', join(folder, 'curl.json'), url])] };
  };
  const times = await timeInTurn(
    [
      curl('curl', baseUrl),
      sora('doctor', ['doctor', '--base-url', baseUrl]),
      sora('idle', ['config', 'path']),
      curl('curl, far', far),
      sora('doctor, far', ['doctor', '--base-url', far]),
    ],
    rounds,
  );
  const of = (name: string): number => median(times.get(name) ?? []);
  const [near, distant] = [(of('doctor') - of('idle')) / of('curl'), ratio(times, 'doctor, far', 'curl, far')];
  return [
    { what: 'doctor, immediate replies: without start-up', measured: near, unit: '× curl', goal: 3 },
    { what: 'doctor, replies after 50 ms', measured: distant, unit: '× curl', goal: 3 },
  ];
}

async function downloads(scheme: string, baseUrl: string): Promise<Row[]> {
  const download = (name: string, sizeBytes: number): Command => {
    const file = join(folder, `${name}.mp4`);
    const command = sora(name, ['download', `video_${sizeBytes}`, '-o', file, '--force', '--base-url', baseUrl]);
    return { ...command, env: { ...command.env, NODE_EXTRA_CA_CERTS: certificate } };
  };
  const memory = [200, 1000].map(
    (megabytes): Row => ({
      what: `download of ${megabytes} MB over ${scheme}: peak memory`,
      measured: measureProcess(download('peak', megabytes * MEGABYTE)).peakMegabytes,
      unit: 'MB',
      goal: 150,
    }),
  );
  if (!hasCurl()) return memory;
  const sizeBytes = 200 * MEGABYTE;
  const url = `${baseUrl}/videos/video_${sizeBytes}/content`;
  const argv = ['-s', '--cacert', certificate, '-o', join(folder, 'curl.mp4'), url];
  const curl = { name: 'curl', file: 'curl', argv };
  // The same command with almost nothing to download; the difference is the download.
  const commands = [curl, download('sora', sizeBytes), download('idle', 1000)];
  const times = await timeInTurn(commands, isQuick ? 5 : 11);
  const of = (name: string): number => median(times.get(name) ?? []);
  return [
    {
      what: `download of 200 MB over ${scheme}: throughput without start-up`,
      measured: of('curl') / (of('sora') - of('idle')),
      unit: '× curl',
      goal: 0.5,
      atLeast: true,
    },
    ...memory,
  ];
}

function hasCurl(): boolean {
  const isThere = spawnSync('curl', ['--version']).status === 0;
  if (!isThere) process.stderr.write('curl is not installed: its comparison is left out\n');
  return isThere;
}

/** The first clip of a process, before anything is compiled. */
/** Bundled as the program is: tsx would add code to each function, which takes longer. */
function clip(): Row {
  const file = join(folder, 'clip-once.cjs');
  const entryPoints = [join(ROOT, 'bench/clip-once.ts')];
  buildSync({ entryPoints, outfile: file, bundle: true, minify: true, platform: 'node', target: 'node20.19' });
  const runs = Array.from({ length: isQuick ? 3 : 9 }, () =>
    Number.parseFloat(spawnSync(process.execPath, [file], { encoding: 'utf8' }).stdout),
  );
  return { what: 'clip of 5 s at 1280x720, cold', measured: median(runs), unit: 'ms', goal: 250 };
}
