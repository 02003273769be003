import { accessSync, closeSync, constants, openSync, readFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { messageOf, SoraError } from '../domain/errors.ts';
import { escapeInvisible } from '../domain/invisible.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { replaceFile, writeTargetOf } from '../platform/files.ts';
import { makeFolder } from '../platform/folders.ts';
import { Journal } from '../platform/journal.ts';

const PAGE_CHARACTERS = 64 << 10;

/**
 * `<manifest>.results.jsonl`: one line per row, appended as rows end, so that a killed run
 * leaves its results; rewritten in manifest order when the run ends.
 */
export class ResultsFile {
  readonly path: string;
  readonly #journal: Journal;
  #added: Promise<void> = Promise.resolve();
  #failure: unknown;
  readonly #lineOf: (result: Readonly<Record<string, unknown>>) => string;

  /** `clean` removes secrets from the text. */
  constructor(path: string, clean: (text: string) => string) {
    this.path = path;
    this.#lineOf = (result) => escapeInvisible(clean(JSON.stringify(result)));
    this.#journal = new Journal(path, { isSynced: false });
    this.#journal.hold();
  }

  /** Throws `cannot_write`, or `file_exists` if a different kind of file has this name. */
  check(): void {
    const text = this.#readAndTouch();
    if (text === '' || isResult(parseJson(text.split('\n', 1)[0] ?? ''))) return;
    throw new SoraError('file_exists', {
      title: `${this.path} is not a results file`,
      hints: ['move it away, or choose another name with `--results`'],
    });
  }

  /** Returns at once; `replace` reports errors. */
  add(result: Readonly<Record<string, unknown>>): void {
    this.#added = this.#journal.append(this.#lineOf(result)).catch((error: unknown) => {
      this.#failure ??= error;
    });
  }

  /** Resolves when the file contains exactly these results; rejects with `cannot_write`. */
  async replace(results: Iterable<Readonly<Record<string, unknown>>>): Promise<void> {
    await this.#added; // appends keep their order, so earlier ones are done too
    await this.#journal.release();
    if (this.#failure !== undefined) this.#fail(this.#failure);
    await replaceFile(this.path, pagesOf(results, this.#lineOf), 0o644).catch((error: unknown) => this.#fail(error));
  }

  /** Its text, after checking that it is a writable file: a pipe could not be read, or rewritten at the end. */
  #readAndTouch(): string {
    try {
      const folder = dirname(this.path);
      makeFolder(folder);
      if (writeTargetOf(this.path).kind === 'stream') throw new Error('it is a pipe or a device, not a file');
      accessSync(folder, constants.W_OK | constants.X_OK);
      closeSync(openSync(this.path, 'a', 0o644));
      return readFileSync(this.path, 'utf8');
    } catch (error) {
      return this.#fail(error);
    }
  }

  #fail(error: unknown): never {
    throw new SoraError('cannot_write', {
      title: `could not write ${this.path}`,
      causedBy: messageOf(error),
      hints: ['choose another place with `--results`, or free some disk space'],
      cause: error,
    });
  }
}

/** In chunks: the results of a long batch would take more memory than the batch itself. */
function* pagesOf(
  results: Iterable<Readonly<Record<string, unknown>>>,
  lineOf: (result: Readonly<Record<string, unknown>>) => string,
): Generator<string> {
  let page = '';
  for (const result of results) {
    page += `${lineOf(result)}\n`;
    if (page.length < PAGE_CHARACTERS) continue;
    yield page;
    page = '';
  }
  yield page;
}

function isResult(value: unknown): boolean {
  return isJsonObject(value) && 'row' in value && 'outcome' in value;
}
