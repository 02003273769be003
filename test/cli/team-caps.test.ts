import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { POSTGRES_BIN, type Postgres, SKIPPED, startPostgres } from '../support/postgres.ts';
import { startVideosServer } from '../support/videos-server.ts';

const PROCESSES = 4;
const ROWS = 12;

describe.skipIf(POSTGRES_BIN === undefined)(`a cap in a team’s ledger${SKIPPED}`, () => {
  let postgres: Postgres;
  beforeAll(async () => {
    postgres = await startPostgres();
  }, 60_000);
  afterAll(() => postgres.stop());

  it(`is spent to the last cent by ${PROCESSES} processes, and never exceeded`, async () => {
    const server = await startVideosServer();
    const env = {
      SORA_BASE_URL: server.url,
      SORA_API_KEY: 'key-of-the-lab',
      SORA_LEDGER: postgres.createDatabase(),
      SORA_USER: 'ci',
    };
    const machines = Array.from({ length: PROCESSES }, () => createBinary());
    expect(await machines[0]?.start(['ledger', 'caps', 'max_cost_per_day=5'], env).ended).toMatchObject({ code: 0 });
    const runs = machines.map((sora, machine) => {
      const rows = Array.from({ length: ROWS }, (_, row) => `take ${row} of ${machine}`);
      writeFileSync(join(sora.cwd, 'shots.txt'), rows.join('\n'));
      const request = ['-m', 'sora-2', '-d', '4', '-r', '720p'];
      return sora.start(['batch', 'shots.txt', '-y', '--concurrency', '4', ...request], env).ended;
    });
    const ended = await Promise.all(runs);
    const capped = ended.filter(({ stderr }) => stderr.includes('team’s cap of $5.00'));
    expect(capped.length).toBeGreaterThanOrEqual(PROCESSES - 1); // the first may create all of its rows
    expect(server.posts).toBe(12); // of $0.40
  }, 60_000);
});
