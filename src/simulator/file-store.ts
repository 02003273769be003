import { readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import { isJsonObject } from '../domain/json.ts';
import { replaceFile } from '../platform/files.ts';
import { JournalFold } from '../platform/journal-fold.ts';

/** An uploaded file, in the form of the API's reply and of the journal. */
export interface FileObject {
  readonly id: string;
  readonly object: 'file';
  readonly bytes: number;
  /** Seconds since the epoch. */
  readonly created_at: number;
  readonly expires_at: number | null;
  readonly filename: string;
  readonly purpose: string;
  readonly status: 'processed';
}

/** Uploaded files: a journal of their properties, and a folder with their bytes. */
export class FileStore {
  readonly #folder: string;
  /** By id, oldest first. */
  readonly #fold: JournalFold<Map<string, FileObject>>;

  constructor(stateDir: string) {
    this.#folder = join(stateDir, 'files');
    const begin = (): Map<string, FileObject> => new Map();
    this.#fold = new JournalFold(join(stateDir, 'files.jsonl'), begin, (files, line) => {
      const file = decodeFile(line.file);
      if (file !== null) files.set(file.id, file);
      if (typeof line.removed === 'string') files.delete(line.removed);
    });
  }

  /** Newest first. */
  all(): FileObject[] {
    return [...this.#fold.state.values()].reverse();
  }

  find(id: string): FileObject | undefined {
    return this.#fold.state.get(id);
  }

  async add(file: FileObject, bytes: Uint8Array): Promise<void> {
    await replaceFile(this.#pathOf(file), bytes);
    await this.#fold.append({ file });
  }

  async remove(file: FileObject): Promise<void> {
    await this.#fold.append({ removed: file.id });
    await rm(this.#pathOf(file), { force: true });
  }

  read(file: FileObject): Buffer {
    return readFileSync(this.#pathOf(file));
  }

  /** The simulator chooses the ids, so no part of a request becomes a file name. */
  #pathOf({ id }: FileObject): string {
    return join(this.#folder, id);
  }
}

function decodeFile(value: unknown): FileObject | null {
  if (!isJsonObject(value)) return null;
  const isWhole = typeof value.id === 'string' && /^file_\w+$/.test(value.id) && typeof value.bytes === 'number';
  return isWhole ? (value as unknown as FileObject) : null; // written by this program
}
