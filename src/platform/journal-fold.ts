import { Journal } from './journal.ts';

/** State derived from a journal of JSON lines, updated by reading only the lines added since the last time. */
export class JournalFold {
  readonly #journal: Journal;
  readonly #apply: (text: string) => void;
  readonly #forget: () => void;
  #readUpTo = 0;

  /** `apply` adds one line to the state; `forget` clears it when the file was removed or replaced. */
  constructor(path: string, { apply, forget }: { apply: (text: string) => void; forget: () => void }) {
    this.#journal = new Journal(path);
    this.#apply = apply;
    this.#forget = forget;
  }

  /** Adds lines, and resolves when they are on disk and in the state. */
  async append(...lines: readonly object[]): Promise<void> {
    await this.#journal.append(...lines.map((line) => JSON.stringify(line)));
    this.refresh();
  }

  refresh(): void {
    const sizeBytes = this.#journal.size();
    if (sizeBytes === this.#readUpTo) return;
    if (sizeBytes < this.#readUpTo) {
      this.#readUpTo = 0;
      this.#forget();
    }
    for (const { text, end } of this.#journal.read(this.#readUpTo)) {
      this.#apply(text);
      this.#readUpTo = end;
    }
  }
}
