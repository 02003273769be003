import { attempt } from './attempt.ts';
import { Journal } from './journal.ts';

/** A line, whose fields are unchecked. */
export type JournalEntry = Readonly<Record<string, unknown>>;

/** State derived from a journal of JSON objects, one a line, that any number of processes share. */
export class JournalFold<S> {
  readonly #journal: Journal;
  readonly #begin: () => S;
  readonly #apply: (state: S, line: JournalEntry) => void;
  #state: S;
  #readUpTo = 0;

  /**
   * `begin` creates the state of an empty file, and `apply` adds a line to it. Unreadable lines are skipped: one bad byte must
   * not lose everything.
   */
  constructor(path: string, begin: () => S, apply: (state: S, line: JournalEntry) => void) {
    this.#journal = new Journal(path);
    this.#begin = begin;
    this.#apply = apply;
    this.#state = begin();
  }

  /** With all lines that any process has added so far. */
  get state(): S {
    const sizeBytes = this.#journal.size();
    if (sizeBytes === this.#readUpTo) return this.#state;
    if (sizeBytes < this.#readUpTo) {
      this.#readUpTo = 0; // the file was removed or replaced
      this.#state = this.#begin();
    }
    for (const { text, end } of this.#journal.read(this.#readUpTo)) {
      const line: unknown = attempt(() => JSON.parse(text));
      if (typeof line === 'object' && line !== null) this.#apply(this.#state, line as JournalEntry);
      this.#readUpTo = end;
    }
    return this.#state;
  }

  /** Adds lines, and resolves with the state when they are on disk. */
  async append(...lines: readonly object[]): Promise<S> {
    await this.#journal.append(...lines.map((line) => JSON.stringify(line)));
    return this.state;
  }
}
