import { closeSync, fstatSync, readSync } from 'node:fs';
import { dirname } from 'node:path';
import { crc32 } from 'node:zlib';
import { attempt } from '../platform/attempt.ts';
import { makeFolder } from '../platform/folders.ts';
import { openRegular } from '../platform/open-input.ts';
import { replaceFileSync } from '../platform/replace-file.ts';
import type { LedgerProblem } from './ledger-line.ts';
import { Postings } from './ledger-postings.ts';

/** Increase it whenever the layout, the events, their terms or the hash change. */
const VERSION = 3;
/** Bytes of the header, its checksum. */
const PREAMBLE_BYTES = 8;

/** The part of the journal that an index covers. */
export interface Coverage {
  readonly bytes: number;
  /** Including blank ones. */
  readonly lines: number;
  /** Where the last of these lines starts. */
  readonly lastOffset: number;
}

export interface StoredIndex {
  readonly covered: Coverage;
  /** Verifies that a journal is the indexed one; null if nothing is covered. */
  readonly witness: number | null;
  /** Keys of all records that may be open. */
  readonly openKeys: readonly string[];
  readonly problems: readonly LedgerProblem[];
  readonly postings: Postings;
}

interface Header extends Omit<StoredIndex, 'postings'> {
  readonly version: number;
  readonly postingCount: number;
  readonly postingsChecksum: number;
}

/**
 * The file: the preamble (two 32-bit numbers), the header (JSON), the column of
 * hashes, the column of offsets, in the machine's byte order. Undefined if it is
 * missing, damaged or of another version.
 */
export function readIndexFile(path: string): StoredIndex | undefined {
  return attempt(() => {
    const descriptor = openRegular(path);
    try {
      return readIndex(descriptor);
    } finally {
      closeSync(descriptor);
    }
  }); // everything is in the journal: the index only saves time
}

/** Reads the columns where they are used: a copy of them would cost more than all else here. */
function readIndex(descriptor: number): StoredIndex | undefined {
  const preamble = new Uint32Array(PREAMBLE_BYTES / 4);
  readSync(descriptor, preamble, 0, PREAMBLE_BYTES, 0);
  const [headerBytes = 0, headerChecksum] = preamble;
  let position = PREAMBLE_BYTES + headerBytes;
  if (position > fstatSync(descriptor).size) return undefined;

  const text = Buffer.alloc(headerBytes);
  readSync(descriptor, text, 0, headerBytes, PREAMBLE_BYTES);
  if (crc32(text) !== headerChecksum) return undefined;
  const header = JSON.parse(text.toString()) as Header; // the checksum guarantees its content
  if (header.version !== VERSION) return undefined;
  const postings = new Postings(header.postingCount, (column) => {
    position += readSync(descriptor, column, 0, column.length, position);
  });
  return checksumOf(postings) === header.postingsChecksum ? { ...header, postings } : undefined;
}

/**
 * Replaces the file atomically. It is not synced: a power cut may leave a damaged
 * file, which its checksums detect. Throws errors of the file system.
 */
export function writeIndexFile(path: string, { postings, ...knowledge }: StoredIndex): void {
  const header: Header = {
    ...knowledge,
    version: VERSION,
    postingCount: postings.length,
    postingsChecksum: checksumOf(postings),
  };
  const text = Buffer.from(JSON.stringify(header));
  const preamble = new Uint8Array(Uint32Array.of(text.length, crc32(text)).buffer);
  makeFolder(dirname(path), 0o700);
  replaceFileSync(path, Buffer.concat([preamble, text, ...postings.columns()]), { isSynced: false });
}

function checksumOf(postings: Postings): number {
  return postings.columns().reduce((checksum, column) => crc32(column, checksum), 0);
}
