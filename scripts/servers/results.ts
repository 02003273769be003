// What `npm run test:servers` measured: the file that keeps it, and the tables that docs/servers.md shows.
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

/**
 * `cannot`: refused before anything is paid for. `fails`: the server cannot do it and `sora` says so afterwards.
 * `wrong`: the outcome is not what the server could have given.
 */
export type Outcome = 'ok' | 'cannot' | 'fails' | 'wrong' | 'skipped';

export interface Result {
  readonly outcome: Outcome;
  /** Why it is not `ok`. */
  readonly reason?: string;
  /** Whether it is a limit of the server that is known, so that nothing is to be fixed. */
  readonly isKnown?: boolean;
}

export interface Measured {
  readonly name: string;
  readonly version: string;
  /** By operation or call; empty if it could not be started, for `skipped`. */
  readonly results: Readonly<Record<string, Result>>;
  readonly skipped?: string;
}

export interface Results {
  readonly date: string;
  readonly servers: readonly Measured[];
  readonly clients: readonly Measured[];
}

export const RESULTS_FILE = join(import.meta.dirname, 'results.json');

export function readResults(): Results {
  return JSON.parse(readFileSync(RESULTS_FILE, 'utf8'));
}

/** Keeps what was measured before of a server that was left out or skipped now. */
export function mergeResults(before: Results, now: Results): Results {
  const merge = (old: readonly Measured[], fresh: readonly Measured[]): Measured[] => {
    const useful = fresh.filter(
      ({ name, skipped }) =>
        skipped === undefined || !old.some((kept) => kept.name === name && kept.skipped === undefined),
    );
    const replaced = new Map(useful.map((measured) => [measured.name, measured]));
    const known = old.map((kept) => replaced.get(kept.name) ?? kept);
    return [...known, ...useful.filter(({ name }) => !old.some((kept) => kept.name === name))];
  };
  return { date: now.date, servers: merge(before.servers, now.servers), clients: merge(before.clients, now.clients) };
}

export function writeResults(results: Results): void {
  writeFileSync(RESULTS_FILE, `${JSON.stringify(results, null, 2)}\n`);
}

/** One row for each operation, one column for each server; reasons follow as notes. */
export function markdownTable(what: string, all: readonly Measured[]): string {
  const measured = all.filter(({ skipped }) => skipped === undefined);
  const operations = [...new Set(measured.flatMap(({ results }) => Object.keys(results)))];
  const reasons = [
    ...new Set(measured.flatMap(({ results }) => Object.values(results).flatMap(({ reason }) => reason ?? []))),
  ];
  const cell = ({ outcome, reason }: Result): string =>
    reason === undefined ? outcome : `${outcome} (${reasons.indexOf(reason) + 1})`;
  const rows = operations.map(
    (operation) =>
      `| ${operation} | ${measured.map(({ results }) => cell(results[operation] ?? { outcome: 'skipped' })).join(' | ')} |`,
  );
  const missing = all.flatMap(({ name, skipped }) => (skipped === undefined ? [] : [`- ${name}: skipped, ${skipped}`]));
  return [
    `| ${what} | ${measured.map(({ name, version }) => `${name} ${version}`).join(' | ')} |`,
    `|---|${'---|'.repeat(measured.length)}`,
    ...rows,
    '',
    ...reasons.map((reason, at) => `${at + 1}. ${reason}`),
    ...(missing.length === 0 ? [] : ['', ...missing]),
  ].join('\n');
}
