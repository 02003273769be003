import { SoraError } from '../domain/errors.ts';

/** Keeps a transaction short, and its locks. */
const MOST_AT_ONCE = 64;

interface Waiting<I, R> {
  readonly item: I;
  resolve(result: R): void;
  reject(error: unknown): void;
}

/** Carries out together, in one transaction, what comes while the one before it commits. */
export class GroupCommit<I, R> {
  readonly #work: (items: readonly I[], isAlone: boolean) => Promise<readonly R[]>;
  readonly #waiting: Waiting<I, R>[] = [];
  #isBusy = false;

  /** `work` returns a result for each item. If it throws, each item is carried out on its own (`isAlone`). */
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
        await this.#runEach(group, error);
      }
    }
    this.#isBusy = false;
  }

  /** One item that cannot be carried out does not affect the others, unless the database is away. */
  async #runEach(group: readonly Waiting<I, R>[], error: unknown): Promise<void> {
    const isAway = error instanceof SoraError && error.code === 'ledger_unreachable';
    for (const { item, resolve, reject } of group) {
      if (isAway || group.length === 1) reject(error);
      else await this.#work([item], true).then(([result]) => resolve(result as R), reject);
    }
  }
}
