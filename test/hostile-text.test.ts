import { describe, expect, it } from 'vitest';
import { ManifestReading } from '../src/batch/manifest-reading.ts';
import { readYaml } from '../src/batch/yaml-manifest.ts';
import { refusesEncoding } from '../src/client/failure.ts';
import { parseExactJson } from '../src/domain/json.ts';
import { hideSecrets, redact } from '../src/domain/redact.ts';
import { cleanLine, escapeMarks, wrapLine } from '../src/output/clean-text.ts';
import { decodeErrorBody } from '../src/wire/error-body.ts';

const KEY = 'paid/key+0123456789';

const READERS: Readonly<Record<string, (text: string) => unknown>> = {
  'exact JSON': parseExactJson,
  'an error': decodeErrorBody,
  'a refused encoding': (body) => refusesEncoding({ status: 400, body }),
  redaction: redact,
  'known secrets': (text) => hideSecrets(text, [KEY]),
  'clean lines': (text) => cleanLine(text, 200),
  'JSON for terminals': escapeMarks,
  'wrapped lines': (text) => wrapLine(text, 80),
};

/** Texts of a given length that slow down backtracking parsers. */
const TEXTS: Readonly<Record<string, (length: number) => string>> = {
  'escaped quotes': (length) => `[1234567890123456],"${'\\"'.repeat(length / 2)}`,
  digits: (length) => `[${'1'.repeat(length)}`,
  blanks: (length) => `[:${' '.repeat(length)}1234567890123456`,
  backslashes: (length) => `paid${'\\'.repeat(length)}`,
  'percent signs': (length) => `paid${'%25'.repeat(length / 3)}`,
  'an address': (length) => `https://a.example/?${'a'.repeat(length)}`,
  'an address of many parameters': (length) =>
    `https://a.example/?${Array.from({ length: length / 8 }, (_, at) => `a${at}=1`).join('&')}`,
  'many addresses': (length) => 'https://a.example/?sig='.repeat(length / 23),
  'question marks': (length) => '?a-'.repeat(length / 3),
  backticks: (length) => `http://a.example\`${'),'.repeat(length / 2)}x`,
  data: (length) => `data:${'data:a;base64,'.repeat(length / 14)}`,
  bearers: (length) => `Bearer${' '.repeat(length)}`,
  prompts: (length) => 'prompt '.repeat(length / 7),
  escapes: (length) => '\x1b['.repeat(length / 2),
  'a long escape': (length) => `\x1b]${';'.repeat(length)}`,
  joiners: (length) => '\u200d'.repeat(length),
  'a title': (length) => `<html><title${'<title'.repeat(length / 6)}`,
  'nested lists': (length) => '['.repeat(Math.min(length, 5_000)),
};

function millisecondsOf(read: (text: string) => unknown, text: string): number {
  const startedMs = performance.now();
  try {
    read(text);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  return performance.now() - startedMs;
}

/** Quadratic time takes minutes for a million characters; shorter times are noise on a busy machine. */
const FAST_MS = 2_000;

/** The time for a text divided by the time for a quarter of it: the least of three attempts. */
function growthOf(read: (text: string) => unknown, textOf: (length: number) => string, length = 1_000_000): number {
  let growth = Number.POSITIVE_INFINITY;
  for (let tries = 0; tries < 3 && growth >= 10; tries++) {
    const longMs = millisecondsOf(read, textOf(length));
    growth = Math.min(growth, longMs < FAST_MS ? 0 : longMs / millisecondsOf(read, textOf(length / 4)));
  }
  return growth;
}

describe.each(Object.entries(READERS))('%s with hostile text', (_, read) => {
  it.each(Object.entries(TEXTS))('takes linear time: %s', (__, textOf) => {
    millisecondsOf(read, textOf(1_000)); // compiles what it needs
    expect(growthOf(read, textOf)).toBeLessThan(10);
  });
});

it('a manifest with many aliases is read in linear time', () => {
  const manifest = (rows: number): string =>
    `- {prompt: a, param: &p {y: 1}}\n${'- {prompt: b, param: *p}\n'.repeat(rows)}`;
  const read = (text: string): void => readYaml(text, new ManifestReading({}));
  millisecondsOf(read, manifest(100));
  expect(growthOf(read, manifest, 2_000)).toBeLessThan(10);
});
