import { readFileSync } from 'node:fs';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { hasCode, replaceFile } from '../platform/files.ts';
import { Journal } from '../platform/journal.ts';

const PAGE_CHARACTERS = 64 << 10;

/**
 * `<manifest>.results.jsonl`: a line a row, added as rows end, so that a killed run has
 * told what it did; in the order of the manifest, one line each, once a run has ended.
 */
export class ResultsFile {
  readonly path: string;
  readonly #journal: Journal;
  #added: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(path: string) {
    this.path = path;
    this.#journal = new Journal(path, { isSynced: false });
    this.#journal.hold();
  }

  /** Throws `file_exists` when there is a file of that name that is none of ours. */
  check(): void {
    const first = readFirstLine(this.path);
    if (first === undefined || first === '' || isResult(parseJson(first))) return;
    throw new SoraError('file_exists', {
      title: `${this.path} is no file of results`,
      hints: ['move it away, or choose another name with `--results`'],
    });
  }

  /** Returns at once; what went wrong is told by `replace`. */
  add(result: Readonly<Record<string, unknown>>): void {
    this.#added = this.#journal.append(JSON.stringify(result)).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  /** Resolves when the file holds these results and nothing else; rejects with `cannot_write`. */
  async replace(results: Iterable<Readonly<Record<string, unknown>>>): Promise<void> {
    await this.#added; // and so, as appends keep their order, all that were added
    await this.#journal.release();
    if (this.#failure !== undefined) this.#fail(this.#failure);
    await replaceFile(this.path, pagesOf(results), 0o644).catch((error: unknown) => this.#fail(error));
  }

  #fail(error: unknown): never {
    const causedBy = error instanceof Error ? error.message : String(error);
    throw new SoraError('cannot_write', { title: `could not write ${this.path}`, causedBy, cause: error });
  }
}

/** Some lines at a time: all of a long batch at once would take more memory than the batch itself. */
function* pagesOf(results: Iterable<Readonly<Record<string, unknown>>>): Generator<string> {
  let page = '';
  for (const result of results) {
    page += `${JSON.stringify(result)}\n`;
    if (page.length < PAGE_CHARACTERS) continue;
    yield page;
    page = '';
  }
  yield page;
}

function readFirstLine(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8').split('\n', 1)[0];
  } catch (error) {
    if (hasCode(error, 'ENOENT')) return undefined;
    const causedBy = error instanceof Error ? error.message : String(error);
    throw new SoraError('cannot_write', { title: `could not read ${path}`, causedBy, cause: error });
  }
}

function isResult(value: unknown): boolean {
  return isJsonObject(value) && 'row' in value && 'outcome' in value;
}
