import type { RowStream } from './batch-order.ts';
import type { PlannedRow } from './plan.ts';

/** Returns rows in the order in which they can start: a row comes after the one that it starts from. */
export class ReadyRows implements RowStream {
  readonly #ready: PlannedRow[];
  /** Rows by the key of the row that they wait for. */
  readonly #waiting = new Map<string, PlannedRow[]>();
  #running = 0;
  #sleepers: (() => void)[] = [];

  /** A row waits only if it has no job yet and starts from another row. */
  constructor(rows: readonly PlannedRow[]) {
    const keys = new Set(rows.map(({ row }) => row.ref.key));
    this.#ready = [];
    for (const planned of rows) {
      const source = sourceKeyOf(planned);
      if (source === undefined || !keys.has(source)) this.#ready.push(planned);
      else this.#waitFor(source, planned);
    }
    this.#ready.reverse();
  }

  /** Resolves to the next row, or to undefined when no more can start. */
  async take(): Promise<PlannedRow | undefined> {
    while (this.#ready.length === 0 && this.#running > 0) {
      await new Promise<void>((resolve) => this.#sleepers.push(resolve));
    }
    const next = this.#ready.pop();
    if (next !== undefined) this.#running += 1;
    return next;
  }

  /** Reports that a row has ended. If it is done, its followers can start; otherwise they are dropped and returned. */
  ended({ row }: PlannedRow, isDone: boolean): readonly PlannedRow[] {
    this.#running -= 1;
    const waiting = this.#take(row.ref.key);
    if (isDone) this.#ready.push(...waiting.reverse()); // next, so that chains end before others begin
    for (const wake of this.#sleepers.splice(0)) wake();
    return isDone ? [] : this.#withFollowers(waiting);
  }

  #waitFor(source: string, planned: PlannedRow): void {
    const others = this.#waiting.get(source);
    if (others === undefined) this.#waiting.set(source, [planned]);
    else others.push(planned);
  }

  #take(key: string): PlannedRow[] {
    const waiting = this.#waiting.get(key) ?? [];
    this.#waiting.delete(key);
    return waiting;
  }

  #withFollowers(rows: readonly PlannedRow[]): PlannedRow[] {
    const all = [...rows];
    for (const { row } of all) all.push(...this.#take(row.ref.key)); // `all` grows while it is read
    return all;
  }
}

/** The key of the row that must be done first, if any. */
function sourceKeyOf({ row, state }: PlannedRow): string | undefined {
  return state === 'to_do' || state === 'failed' ? row.from?.row.ref.key : undefined;
}
