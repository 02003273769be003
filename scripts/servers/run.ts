// `npm run test:servers [NAME…]`: runs the built `sora` against third-party servers, and third-party clients against `sora serve`.
// Prints the outcomes, stores them in results.json for docs/servers.md, and exits with 1 if something failed unexpectedly.
import { mkdirSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { FOREIGN_CLIENTS } from './clients.ts';
import { Unavailable } from './environments.ts';
import { measure } from './operations.ts';
import { type Measured, markdownTable, mergeResults, readResults, writeResults } from './results.ts';
import { createSora } from './sora.ts';
import { THIRD_PARTIES, type ThirdParty } from './third-parties.ts';

const wanted = process.argv.slice(2).map((name) => name.toLowerCase());
const isWanted = ({ name, version }: { name: string; version: string }): boolean =>
  wanted.length === 0 || wanted.some((part) => `${name} ${version}`.toLowerCase().includes(part));
const scratch = mkdtempSync(join(tmpdir(), 'sora-servers-'));

/** Measures one server or client; reports why if it cannot be installed. */
async function attempt(
  party: { readonly name: string; readonly version: string },
  measureIt: (folder: string) => Promise<Measured['results']>,
): Promise<Measured> {
  const folder = mkdtempSync(join(scratch, 'run-'));
  const label = `${party.name} ${party.version}`;
  try {
    const results = await measureIt(folder);
    for (const [operation, { outcome, reason }] of Object.entries(results)) {
      process.stdout.write(`${label}: ${operation}: ${outcome}${reason === undefined ? '' : ` (${reason})`}\n`);
    }
    return { name: party.name, version: party.version, results };
  } catch (error) {
    if (!(error instanceof Unavailable)) throw error;
    process.stdout.write(`${label}: skipped: ${error.message}\n`);
    return { name: party.name, version: party.version, results: {}, skipped: error.message };
  }
}

async function measureServer(party: ThirdParty, folder: string): Promise<Measured['results']> {
  const server = await party.start(folder);
  try {
    mkdirSync(join(folder, 'sora'));
    const sora = createSora(join(folder, 'sora'));
    const added = await sora.run('config', 'profile', 'add', 'lab', ...party.profile, '--base-url', server.baseUrl);
    if (added.code !== 0) throw new Error(`${party.name}: ${added.stderr}`);
    return await measure(sora, server);
  } finally {
    if (process.env.SORA_SERVERS_LOG) process.stderr.write(server.output());
    await server.stop();
  }
}

try {
  const [servers, clients]: [Measured[], Measured[]] = [[], []];
  for (const party of THIRD_PARTIES.filter(isWanted)) {
    servers.push(await attempt(party, (folder) => measureServer(party, folder)));
  }
  for (const client of FOREIGN_CLIENTS.filter(isWanted)) {
    clients.push(await attempt(client, (folder) => client.measure(folder)));
  }
  const date = new Date().toISOString().slice(0, 10);
  writeResults(mergeResults(readResults(), { date, servers, clients }));
  if (servers.length > 0) process.stdout.write(`\n${markdownTable('operation', servers)}\n`);
  if (clients.length > 0) process.stdout.write(`\n${markdownTable('call', clients)}\n`);
  const outcomes = [...servers, ...clients].flatMap(({ results }) => Object.values(results));
  const isBad = ({ outcome, isKnown }: (typeof outcomes)[number]): boolean =>
    outcome === 'wrong' || (outcome === 'fails' && isKnown !== true);
  const failed = outcomes.filter(isBad).length;
  const skipped = outcomes.filter(({ outcome }) => outcome === 'skipped').length;
  process.stdout.write(`\n${outcomes.length - failed - skipped} passed, ${failed} failed, ${skipped} skipped\n`);
  process.exitCode = failed === 0 ? 0 : 1;
} finally {
  rmSync(scratch, { recursive: true, force: true });
}
