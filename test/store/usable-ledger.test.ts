import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { systemClock } from '../../src/platform/clock.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { PostgresLedger } from '../../src/store/postgres-ledger.ts';
import { POSTGRES_BIN, SKIPPED, startPostgres } from '../support/postgres.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { intent } from './ledger-events.ts';

it('a file is usable while it is intact and writable, and is not changed by the check', async () => {
  const folder = join(createTemporaryFolder(), 'new');
  const ledger = new FileLedger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
  await ledger.requireUsable();
  await ledger.append(intent('k'));
  await ledger.requireUsable();
  expect((await ledger.list({ by: 'everything' })).map(({ key }) => key)).toEqual(['k']);

  const blocked = join(createTemporaryFolder(), 'file');
  writeFileSync(blocked, '');
  const other = new FileLedger({ journal: join(blocked, 'ledger.jsonl'), index: join(blocked, 'ledger.index') });
  await expect(other.requireUsable()).rejects.toMatchObject({ name: 'SoraError' });

  const damaged = createTemporaryFolder();
  mkdirSync(damaged, { recursive: true });
  writeFileSync(join(damaged, 'ledger.jsonl'), '{"event":"intent"\n{}\n');
  const third = new FileLedger({ journal: join(damaged, 'ledger.jsonl'), index: join(damaged, 'ledger.index') });
  await expect(third.requireUsable()).rejects.toMatchObject({ code: 'ledger_damaged' });
});

it.skipIf(POSTGRES_BIN === undefined)(
  `PostgreSQL is usable while it accepts writes, and fails the check at once while it is down${SKIPPED}`,
  async () => {
    const postgres = await startPostgres();
    try {
      const url = postgres.createDatabase();
      const ledger = new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
      await ledger.requireUsable();

      postgres.psql(url, 'INSERT INTO sora.migration (version) VALUES (99)'); // by a version to come
      const older = new PostgresLedger({ url, env: {}, homeDir: null, clock: systemClock });
      await expect(older.requireUsable()).rejects.toMatchObject({ code: 'invalid_config' });
      await older.database.close();
      postgres.psql(url, 'DELETE FROM sora.migration WHERE version = 99');

      postgres.psql(url, `ALTER DATABASE ${new URL(url).pathname.slice(1)} SET default_transaction_read_only = on`);
      await ledger.database.close();
      const reserve = () => ledger.reserve({ intent: intent('k'), same: null, scopes: [] }, () => null);
      for (const call of [() => ledger.requireUsable(), () => ledger.describe(), reserve])
        await expect(call()).rejects.toMatchObject({
          code: 'ledger_unreachable',
          causedBy: expect.stringContaining('read-only transaction'),
        });
      await postgres.kill();
      const startMs = systemClock.uptimeMs();
      await expect(ledger.requireUsable()).rejects.toMatchObject({ code: 'ledger_unreachable' });
      expect(systemClock.uptimeMs() - startMs).toBeLessThan(5_000);
    } finally {
      await postgres.stop();
    }
  },
  60_000,
);
