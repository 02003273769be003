import {
  Composer,
  type CST,
  type Document,
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  Lexer,
  LineCounter,
  type Node,
  Parser,
  visit,
} from 'yaml';
import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { ManifestReading } from './manifest-reading.ts';
import { namedFields, withRowDefaults } from './row-reader.ts';

/** Enough for repeated anchors; nested ones could fill the memory. */
const MAX_ALIASED_NODES = 2_000;
/** Open lists and maps, each with its entry. The library takes minutes for millions. */
const MAX_NESTED = 200;
const TOO_DEEP = 'lists and objects are nested too deeply here';

/** `defaults` and `jobs`, or just a list of rows. */
export function readYaml(text: string, reading: ManifestReading): void {
  const lines = new LineCounter();
  const document = parseDocument(text, lines, reading);
  if (document === undefined) return;
  for (const { pos, message } of document.errors) {
    reading.addFault(lines.linePos(pos[0]).line, message);
  }
  const lineOf = (node: unknown): number => lines.linePos((isNode(node) ? node.range?.[0] : undefined) ?? 0).line;
  for (const key of repeatedKeys(document.contents)) reading.addFault(lineOf(key), 'Map keys must be unique');
  if (reading.faults.length > 0) return;
  const targets = targetsOfAliases(document.contents);
  const toJson = (node: unknown): JsonValue | undefined => {
    try {
      return jsonOf(node, targets, { left: MAX_ALIASED_NODES, isAliased: false });
    } catch (error) {
      if (!(error instanceof ReferenceError)) throw error;
      reading.addFault(lineOf(node), error.message);
      return undefined;
    }
  };
  const jobs = jobsOf(document.contents, reading, lineOf);
  if (isMap(document.contents)) readDefaults(document.contents.get('defaults', true), reading, { lineOf, toJson });
  for (const job of jobs) {
    const row = toJson(job);
    if (row !== undefined) reading.addRow(row, lineOf(job));
  }
}

/** As the library does it, but it stops where the nesting is too deep. Undefined after a fault. */
function parseDocument(text: string, lines: LineCounter, reading: ManifestReading): Document | undefined {
  const parser = new Parser(lines.addNewLine);
  lines.addNewLine(0);
  function* parse(): Generator<CST.Token> {
    for (const lexeme of new Lexer().lex(text)) {
      yield* parser.next(lexeme);
      if (parser.stack.length > MAX_NESTED) return reading.addFault(lines.linePos(parser.offset).line, TOO_DEEP);
    }
    yield* parser.end();
  }
  // Unique keys are compared in pairs: with many, that takes quadratic time.
  const [document, another] = new Composer({ uniqueKeys: false }).compose(parse(), true, text.length);
  if (another !== undefined)
    reading.addFault(lines.linePos(another.range[0]).line, 'a second YAML document begins here');
  return reading.faults.length > 0 ? undefined : document;
}

/** The keys that their map has already. */
function repeatedKeys(contents: Node | null): unknown[] {
  const repeated: unknown[] = [];
  visit(contents, {
    Map: (_, { items }) => {
      const seen = new Set<unknown>();
      for (const { key } of items) {
        const name = isScalar(key) ? key.value : key;
        if (seen.has(name)) repeated.push(key);
        seen.add(name);
      }
    },
  });
  return repeated;
}

/** Resolves all aliases in one pass: the library searches the whole document for each of them. */
function targetsOfAliases(contents: Node | null): ReadonlyMap<unknown, Node> {
  const anchors = new Map<string, Node>();
  const targets = new Map<unknown, Node>();
  visit(contents, {
    Node: (_, node) => {
      if (isAlias(node)) {
        const target = anchors.get(node.source);
        if (target !== undefined) targets.set(node, target);
      } else if ('anchor' in node && node.anchor) anchors.set(node.anchor, node);
    },
  });
  return targets;
}

/** A node as JSON, which covers YAML without custom tags. Throws `ReferenceError` for too many aliases. */
function jsonOf(
  node: unknown,
  targets: ReadonlyMap<unknown, Node>,
  budget: { left: number; readonly isAliased: boolean },
): JsonValue {
  if (budget.isAliased && budget.left-- <= 0) throw new ReferenceError('too many aliases');
  const inner = (item: unknown): JsonValue => jsonOf(item, targets, budget);
  if (isAlias(node)) {
    const own = { left: budget.left, isAliased: true };
    const value = jsonOf(targets.get(node), targets, own);
    budget.left = own.left;
    return value;
  }
  if (isSeq(node)) return node.items.map(inner);
  if (isMap(node)) {
    return Object.fromEntries(
      node.items.map(({ key, value }) => [isScalar(key) ? String(key.value) : '', inner(value)]),
    );
  }
  return isScalar(node) ? (node.value as JsonValue) : null;
}

interface NodeReaders {
  readonly lineOf: (node: unknown) => number;
  readonly toJson: (node: unknown) => JsonValue | undefined;
}

function readDefaults(node: unknown, reading: ManifestReading, { lineOf, toJson }: NodeReaders): void {
  const value = toJson(node);
  if (value === null || value === undefined) return;
  const faults: string[] = [];
  if (isJsonObject(value)) reading.defaults = withRowDefaults(namedFields(value, faults), reading.defaults);
  else faults.push('`defaults` is not an object');
  for (const fault of faults) reading.addFault(lineOf(node), fault);
}

function jobsOf(
  contents: Node | null,
  reading: ManifestReading,
  lineOf: (node: unknown) => number,
): readonly unknown[] {
  if (isSeq(contents)) return contents.items;
  if (!isMap(contents)) {
    reading.addFault(1, 'a manifest is a list of rows, or an object with `jobs` and `defaults`');
    return [];
  }
  for (const { key } of contents.items) {
    const name = String(key);
    if (name !== 'jobs' && name !== 'defaults')
      reading.addFault(lineOf(key), `\`${name}\` is neither \`jobs\` nor \`defaults\``);
  }
  const jobs = contents.get('jobs', true);
  if (isSeq(jobs)) return jobs.items;
  reading.addFault(1, '`jobs` is not a list of rows');
  return [];
}
