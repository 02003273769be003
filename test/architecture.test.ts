import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve, sep } from 'node:path';
import { describe, expect, it } from 'vitest';

const SRC = resolve(import.meta.dirname, '../src');

/** From the bottom up; a folder imports only from lower layers. Files directly in src/ are the top layer. */
const LAYERS: readonly (readonly string[])[] = [
  ['domain', 'platform', 'test-card'],
  ['wire', 'http-server'],
  ['client', 'store', 'object-storage', 'simulator', 'output'],
  ['jobs', 'film'],
  ['batch', 'service'],
  ['configuration'],
  ['app'],
  ['commands'],
  [''],
];

/** What only the edge may touch, as it appears in code. */
const WORLD = [
  /\bprocess\.(?!getBuiltinModule)/,
  /\bconsole\./,
  /\b(setTimeout|setInterval|setImmediate|queueMicrotask)\(/,
  /(?<![.\w])fetch\(/,
  /\bDate\.now\(/,
  /\bnew Date\(\)/,
  /\bMath\.random\(/,
  /\bperformance\.now\(/,
];

interface SourceFile {
  readonly name: string;
  readonly folder: string;
  readonly code: string;
  /** Files of src/ that it imports, types included. */
  readonly imports: readonly string[];
}

function readSources(): SourceFile[] {
  const names = readdirSync(SRC, { recursive: true, encoding: 'utf8' }).filter((name) => name.endsWith('.ts'));
  return names.map((name) => {
    const code = withoutComments(readFileSync(join(SRC, name), 'utf8'));
    const specifiers = [...code.matchAll(/(?:from|import)\s*\(?\s*'(\.[^']+)'/g)].map(
      ([, specifier]) => specifier ?? '',
    );
    const imports = specifiers.map((specifier) => relative(SRC, resolve(SRC, dirname(name), specifier)));
    return { name, folder: folderOf(name), code, imports };
  });
}

function withoutComments(code: string): string {
  return code.replace(/\/\*[\s\S]*?\*\//g, '').replace(/(?<![:'"`\w])\/\/.*$/gm, '');
}

function folderOf(name: string): string {
  return name.includes(sep) ? (name.split(sep)[0] ?? '') : '';
}

function layerOf(folder: string): number {
  return LAYERS.findIndex((folders) => folders.includes(folder));
}

/** Every import cycle, type imports included, reported once as the files in it. */
function findCycles(files: readonly Pick<SourceFile, 'name' | 'imports'>[]): string[] {
  const byName = new Map(files.map((file) => [file.name, file]));
  const finished = new Set<string>();
  const cycles: string[] = [];
  const visit = (name: string, path: readonly string[]): void => {
    const at = path.indexOf(name);
    if (at !== -1) cycles.push([...path.slice(at), name].join(' → '));
    if (at !== -1 || finished.has(name)) return;
    for (const target of byName.get(name)?.imports ?? []) visit(target, [...path, name]);
    finished.add(name);
  };
  for (const { name } of files) visit(name, []);
  return cycles;
}

const sources = readSources();

describe('the source folders', () => {
  it('each belong to a layer', () => {
    expect(sources.length).toBeGreaterThan(50);
    expect(sources.filter(({ folder }) => layerOf(folder) === -1).map(({ name }) => name)).toEqual([]);
  });

  it('import from lower layers only', () => {
    const violations = sources.flatMap(({ name, folder, imports }) =>
      imports
        .filter((target) => folderOf(target) !== folder && layerOf(folderOf(target)) >= layerOf(folder))
        .map((target) => `${name} imports ${target}`),
    );
    expect(violations).toEqual([]);
  });

  it('contain no import cycles', () => {
    expect(findCycles(sources)).toEqual([]);
  });

  it('keep the simulator independent of the client', () => {
    const violations = sources.filter(
      ({ folder, imports }) => folder === 'simulator' && imports.some((target) => folderOf(target) === 'client'),
    );
    expect(violations).toEqual([]);
  });

  it('import the test card through clip.ts only, and the test card imports no other folder', () => {
    const violations = sources.flatMap(({ name, folder, imports }) =>
      imports
        .filter((target) => (folder === 'test-card') !== (folderOf(target) === 'test-card'))
        .filter((target) => target !== join('test-card', 'clip.ts'))
        .map((target) => `${name} imports ${target}`),
    );
    expect(violations).toEqual([]);
  });

  it('keep the HTTP server independent of the Videos API', () => {
    const folders = sources
      .filter(({ folder }) => folder === 'http-server')
      .flatMap(({ imports }) => imports.map(folderOf));
    expect([...new Set(folders)].sort()).toEqual(['http-server', 'platform']);
  });

  it('export each name from one file only', () => {
    const files = new Map<string, string[]>();
    for (const { name, code } of sources) {
      const pattern = /^export (?:abstract |async )?(?:type|interface|class|function\*?|const) (\w+)/gm;
      // A schema may be exported as a value and as the type of the same name.
      const exported = new Set([...code.matchAll(pattern)].map(([, declared = '']) => declared));
      for (const declared of exported) files.set(declared, [...(files.get(declared) ?? []), name]);
    }
    expect([...files].filter(([, names]) => names.length > 1)).toEqual([]);
  });

  it('contain no barrel file except the one that the binary loads', () => {
    const barrels = sources.filter(
      ({ code }) => code.replace(/export (type )?\{[^}]*\} from '[^']+';/g, '').trim() === '',
    );
    expect(barrels.map(({ name }) => name)).toEqual(['sora.ts']);
  });
});

describe('access to the outside world', () => {
  it('happens in platform/ only', () => {
    const touches = sources
      .filter(({ folder }) => folder !== 'platform')
      .flatMap(({ name, code }) =>
        WORLD.filter((pattern) => pattern.test(code)).map((pattern) => `${name}: ${pattern.source}`),
      );
    expect(touches).toEqual([]);
  });

  it('is detected by these patterns', () => {
    for (const line of [
      'process.exit(1)',
      'console.log(1)',
      'setTimeout(f, 1)',
      'await fetch(url)',
      'Date.now()',
      'new Date()',
      'Math.random()',
    ]) {
      expect(
        WORLD.some((pattern) => pattern.test(line)),
        line,
      ).toBe(true);
    }
  });
});
