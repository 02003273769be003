import type { Pool, PoolClient, PoolConfig } from 'pg';
import { messageOf, SoraError } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';
import { type ConnectionSource, connectionFrom, withoutSecrets } from './connection.ts';

/** After the first connection, a lost one is tried again for this long: servers restart. */
const RETRY_MS = 60_000;
const FIRST_DELAY_MS = 100;
const LONGEST_DELAY_MS = 2_000;
const POOL = {
  application_name: 'sora',
  pipeline: true,
  /** Each batch row needs the database for milliseconds only. */
  max: 4,
  idleTimeoutMillis: 10_000,
  allowExitOnIdle: true,
  connectionTimeoutMillis: 10_000,
  query_timeout: 120_000,
  keepAlive: true,
} as const satisfies PoolConfig;

/** SQLSTATEs of a server that stops, starts or has no connection left, and of conflicts between transactions. */
const PASSING = /^(08...|57P0[1-3]|53300|40001|40P01)$/;
/** Errors without a SQLSTATE come from the connection, not from the server. */
const SQLSTATE = /^[0-9A-Z]{5}$/;
/** SQLSTATE of a statement after another one of its transaction failed. */
const CONSEQUENCE = '25P02';
const WITHOUT_TLS = 'The server does not support SSL connections';

export interface DatabaseOptions extends ConnectionSource {
  readonly clock: Clock;
}

export type Row = Record<string, unknown>;

/** One transaction or connection. */
export interface Queries {
  query(text: string, values?: readonly unknown[]): Promise<Row[]>;
}

/** Its statements are carried out in the order in which they are sent, also where several are under way. */
export interface Transaction extends Queries {
  /** Sends a statement whose result does not matter without waiting for it. If it fails, so does the transaction. */
  send(text: string, values?: readonly unknown[]): void;
}

/**
 * A PostgreSQL database whose connections are opened when needed, and again when they are lost. Throws
 * `ledger_unreachable` for anything that prevents a call, and `not_supported` without the package `pg`.
 */
export class Database implements Queries {
  /** Without the password. */
  readonly name: string;
  readonly #options: DatabaseOptions;
  readonly #prepare: (queries: Queries) => Promise<void>;
  #pool: Promise<Pool> | undefined;
  #hasConnected = false;

  /** `prepare` runs before anything else, once. */
  constructor(options: DatabaseOptions, prepare: (queries: Queries) => Promise<void> = async () => {}) {
    this.#options = options;
    this.#prepare = prepare;
    this.name = withoutSecrets(options.url);
  }

  query(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#withRetries(async (client) => queriesOf(client).query(text, values));
  }

  /** The same without retries: fails at once while the server is unreachable. */
  queryNow(text: string, values: readonly unknown[] = []): Promise<Row[]> {
    return this.#withRetries(async (client) => queriesOf(client).query(text, values), 0);
  }

  /** `work` may run several times, also after a commit whose confirmation was lost. */
  transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    return this.#withRetries(async (client) => {
      const sent: Promise<unknown>[] = [];
      const send: Transaction['send'] = (text, values = []) => {
        const result = client.query(text, [...values]);
        result.catch(() => {}); // thrown below
        sent.push(result);
      };
      send('BEGIN');
      const result = await work({ ...queriesOf(client), send }).catch(async (error: unknown) => {
        if (codeOf(error) === CONSEQUENCE) await Promise.all(sent); // one of them is the cause
        throw error;
      });
      send('COMMIT');
      await Promise.all(sent);
      return result;
    });
  }

  /** Closes the connections, which otherwise happens by itself. */
  async close(): Promise<void> {
    const pool = this.#pool;
    this.#pool = undefined;
    await (await pool)?.end();
  }

  async #withRetries<T>(work: (client: PoolClient) => Promise<T>, retryMs = RETRY_MS): Promise<T> {
    const { clock } = this.#options;
    const sinceMs = clock.uptimeMs();
    for (let delayMs = FIRST_DELAY_MS; ; delayMs = Math.min(2 * delayMs, LONGEST_DELAY_MS)) {
      try {
        return await this.#withClient(work);
      } catch (error) {
        if (error instanceof SoraError) throw error;
        if (!this.#hasConnected || !isPassing(error) || clock.uptimeMs() - sinceMs >= retryMs) {
          throw unreachable(this.name, error);
        }
        await clock.sleep(delayMs);
      }
    }
  }

  async #withClient<T>(work: (client: PoolClient) => Promise<T>): Promise<T> {
    this.#pool ??= this.#open();
    let pool: Pool;
    try {
      pool = await this.#pool;
    } catch (error) {
      this.#pool = undefined;
      throw error;
    }
    const client = await pool.connect();
    let failure: unknown;
    try {
      return await work(client);
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      client.release(failure !== undefined); // a transaction ends with its connection
    }
  }

  async #open(): Promise<Pool> {
    const { Pool } = await loadDriver();
    const { prefersTls, ...connection } = await connectionFrom(this.#options);
    const open = async (ssl: PoolConfig['ssl']): Promise<Pool> => {
      const pool = new Pool({ ...connection, ...POOL, ssl });
      pool.on('error', () => {}); // an idle connection was lost; the next call opens another one
      pool.on('connect', (client) => client.on('error', () => {})); // lost between two queries; the next one fails
      const client = await pool.connect();
      try {
        await this.#prepare(queriesOf(client));
        this.#hasConnected = true;
        return pool;
      } finally {
        client.release();
      }
    };
    try {
      return await open(connection.ssl ?? false);
    } catch (error) {
      const isOptional = error instanceof Error && error.message === WITHOUT_TLS && prefersTls;
      if (!isOptional) throw error;
      return open(false);
    }
  }
}

function queriesOf(client: PoolClient): Queries {
  return {
    async query(text, values = []) {
      return (await client.query(text, [...values])).rows;
    },
  };
}

async function loadDriver(): Promise<Pick<typeof import('pg'), 'Pool'>> {
  try {
    return (await import('pg')).default;
  } catch (error) {
    throw notInstalled('a ledger on PostgreSQL needs the package pg, which is not installed', error);
  }
}

/** The error for an optional package that cannot be loaded. */
export function notInstalled(title: string, error: unknown): SoraError {
  return new SoraError('not_supported', {
    title,
    causedBy: messageOf(error).split('\n')[0] ?? null, // without the stack of modules
    hints: ['run `npm install -g sora-cli --include=optional` to install the optional packages'],
  });
}

function codeOf(error: unknown): string {
  return error instanceof Error && 'code' in error ? String(error.code) : '';
}

function isPassing(error: unknown): boolean {
  const code = codeOf(error);
  return SQLSTATE.test(code) ? PASSING.test(code) : !(error instanceof TypeError);
}

function unreachable(name: string, error: unknown): SoraError {
  const parts = error instanceof AggregateError ? error.errors : [error]; // one for each address of a host
  const causes = parts.map(messageOf);
  return new SoraError('ledger_unreachable', {
    title: `could not use the ledger at ${name}`,
    causedBy: [...new Set(causes)].join('; '),
    cause: error,
  });
}
