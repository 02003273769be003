import { SoraError } from '../domain/errors.ts';

/** Limits how long a transaction holds its locks. */
const MOST_AT_ONCE = 64;

interface Waiting<I, R> {
  readonly item: I;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/** Runs what arrives during a commit together, in the next transaction. */
export class GroupCommit<I, R> {
  readonly #work: (items: readonly I[], isAlone: boolean) => Promise<readonly R[]>;
  readonly #waiting: Waiting<I, R>[] = [];
  #isBusy = false;

  /** `work` returns a result for each item. If it throws, each item runs on its own (`isAlone`). */
  constructor(work: (items: readonly I[], isAlone: boolean) => Promise<readonly R[]>) {
    this.#work = work;
  }

  add(item: I): Promise<R> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ item, resolve, reject });
      if (!this.#isBusy) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isBusy = true;
    while (this.#waiting.length > 0) {
      const group = this.#waiting.splice(0, MOST_AT_ONCE);
      try {
        const results = await this.#work(
          group.map(({ item }) => item),
          false,
        );
        for (const [at, { resolve }] of group.entries()) resolve(results[at] as R);
      } catch (error) {
        // One failing item does not affect the others, unless the database is unreachable.
        const isOfAll = group.length === 1 || (error instanceof SoraError && error.code === 'ledger_unreachable');
        for (const { item, resolve, reject } of group) {
          if (isOfAll) reject(error);
          else await this.#work([item], true).then(([result]) => resolve(result as R), reject);
        }
      }
    }
    this.#isBusy = false;
  }
}
