import { SoraError } from '../domain/errors.ts';
import type { Queries } from './postgres.ts';

/** Serialises migrations: a number that no other program uses. */
const MIGRATION_LOCK = 7_365_001;

/** The schema of the shared ledger: each entry brings a database of the version before it up to date. Never edit a released one. */
const MIGRATIONS: readonly string[] = [
  `
  CREATE TABLE sora.submission (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    key text PRIMARY KEY,
    -- The events as the lines of a ledger file, each with its checksum: the source of truth. All other columns follow from them.
    lines text NOT NULL,
    profile text NOT NULL,
    model text,
    fingerprint text NOT NULL,
    row_key text,
    batch text,
    day date NOT NULL,
    is_open boolean NOT NULL,
    duration_ms bigint
  );
  CREATE INDEX submission_fingerprint ON sora.submission (fingerprint, seq);
  CREATE INDEX submission_row ON sora.submission (row_key, seq) WHERE row_key IS NOT NULL;
  CREATE INDEX submission_batch ON sora.submission (batch, seq) WHERE batch IS NOT NULL;
  CREATE INDEX submission_day ON sora.submission (day, seq);
  CREATE INDEX submission_open ON sora.submission (seq) WHERE is_open;
  CREATE INDEX submission_duration ON sora.submission (profile, model, seq) WHERE duration_ms IS NOT NULL;

  -- What a submission is found by: its key, the ids of its job, and other forms of those ids.
  CREATE TABLE sora.name (
    name text NOT NULL,
    key text NOT NULL REFERENCES sora.submission,
    ending text NOT NULL,
    is_id boolean NOT NULL,
    is_shown boolean NOT NULL,
    PRIMARY KEY (name, key)
  );
  CREATE INDEX name_ending ON sora.name (ending) WHERE is_shown;

  -- Running sums. A cap is enforced by locking its row.
  CREATE TABLE sora.spent (
    scope text PRIMARY KEY,
    micros bigint NOT NULL,
    unpriced bigint NOT NULL
  );
  `,
  `
  CREATE TABLE sora.server (
    queue text PRIMARY KEY,
    base_url text NOT NULL,
    -- When the next create may be given to a worker.
    next_at timestamptz NOT NULL DEFAULT now()
  );
  CREATE TABLE sora.worker (
    id text PRIMARY KEY,
    queue text NOT NULL,
    host text NOT NULL,
    boot text,
    pid bigint NOT NULL,
    started text,
    concurrency int NOT NULL,
    started_at timestamptz NOT NULL DEFAULT now(),
    seen_at timestamptz NOT NULL DEFAULT now()
  );
  -- What a worker has taken and not ended.
  CREATE TABLE sora.claim (
    job uuid PRIMARY KEY,
    queue text NOT NULL,
    worker text NOT NULL,
    at timestamptz NOT NULL DEFAULT now()
  );
  CREATE INDEX claim_queue ON sora.claim (queue);
  CREATE INDEX claim_worker ON sora.claim (worker);
  `,
  `
  -- Files that queued rows need, by the hash of their bytes.
  CREATE TABLE sora.file (
    digest text PRIMARY KEY,
    bytes bytea NOT NULL,
    stored_at timestamptz NOT NULL DEFAULT now()
  );
  ALTER TABLE sora.file ALTER bytes SET STORAGE EXTERNAL; -- images and videos are compressed already
  CREATE TABLE sora.file_use (
    task uuid NOT NULL,
    digest text NOT NULL REFERENCES sora.file,
    PRIMARY KEY (task, digest)
  );
  CREATE INDEX file_use_digest ON sora.file_use (digest);
  `,
  `
  -- The orders of the REST service of a server.
  CREATE TABLE sora.service_order (
    seq bigint GENERATED ALWAYS AS IDENTITY UNIQUE,
    id text PRIMARY KEY,
    queue text NOT NULL,
    idempotency_key text,
    status text NOT NULL,
    -- In lower case, for searches.
    prompt text NOT NULL,
    -- The estimate; null if unknown.
    micros bigint,
    job text NOT NULL,
    -- It is being removed, so nothing may be sent for it.
    is_leaving boolean NOT NULL DEFAULT false,
    UNIQUE (queue, idempotency_key)
  );
  CREATE INDEX service_order_newest ON sora.service_order (queue, seq);
  CREATE INDEX service_order_status ON sora.service_order (queue, status);
  `,
  `
  -- Caps of the team on the spending of a day, by the names of the settings.
  CREATE TABLE sora.cap (
    name text PRIMARY KEY,
    micros bigint NOT NULL
  );
  `,
];

/** Brings a database up to date, and creates the schema in a new one. Throws `invalid_config` if a newer version of `sora` did. */
export async function migrate(queries: Queries): Promise<void> {
  const found = await versionOf(queries);
  if (found > MIGRATIONS.length) throw tooNew(found);
  if (found === MIGRATIONS.length) return;
  await queries.query('BEGIN');
  await queries.query('SELECT pg_advisory_xact_lock($1)', [MIGRATION_LOCK]);
  await queries.query('CREATE SCHEMA IF NOT EXISTS sora');
  await queries.query(
    'CREATE TABLE IF NOT EXISTS sora.migration (version int PRIMARY KEY, at timestamptz DEFAULT now())',
  );
  const version = await versionOf(queries);
  for (const [at, statements] of MIGRATIONS.entries()) {
    if (at < version) continue;
    await queries.query(statements);
    await queries.query('INSERT INTO sora.migration (version) VALUES ($1)', [at + 1]);
  }
  await queries.query('COMMIT');
}

/** What a newer version records may decide whether a video is paid already. */
function tooNew(version: number): SoraError {
  return new SoraError('invalid_config', {
    title: `the shared ledger is used by a newer version of \`sora\` (schema ${version}; this one knows ${MIGRATIONS.length})`,
    hints: ['update `sora` on this machine'],
  });
}

async function versionOf(queries: Queries): Promise<number> {
  const [table] = await queries.query("SELECT to_regclass('sora.migration')::text AS name");
  if (table?.name == null) return 0;
  const [row] = await queries.query('SELECT coalesce(max(version), 0) AS version FROM sora.migration');
  return Number(row?.version);
}
