// Bundles src/ and its libraries into dist/: split into chunks, so that a command loads only what it uses, and in
// CommonJS, because starting Node's loader of ES modules alone takes a fifth of Node's whole start.
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = join(root, 'dist');

// esbuild splits ES modules only, so the chunks are made as such and then turned into CommonJS one by one.
const { outputFiles, metafile } = await build({
  absWorkingDir: root,
  entryPoints: ['src/sora.ts'],
  outdir,
  bundle: true,
  splitting: true,
  write: false,
  format: 'esm',
  platform: 'node',
  target: 'node20.19',
  minify: true,
  metafile: true,
  chunkNames: 'chunks/[name]-[hash]',
  logLevel: 'warning',
  plugins: [
    { name: 'lazy-builtins', setup: loadAtFirstUse },
    { name: 'no-subprocesses', setup: leaveOutSubprocesses },
    { name: 'quiet-sdk', setup: leaveOutHeaders },
    { name: 'bare-sdk', setup: leaveOutResources },
  ],
});
rmSync(outdir, { recursive: true, force: true });
for (const { path, text } of outputFiles) {
  const { code } = await transform(text, {
    format: 'cjs',
    platform: 'node',
    target: 'node20.19',
    minify: true,
    supported: { 'dynamic-import': false }, // `import()` becomes a `require()` when it is reached
  });
  mkdirSync(dirname(path), { recursive: true });
  writeFileSync(path, code);
}
writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licences(Object.keys(metafile.inputs)));

/** Node's own modules that take long to load are loaded when something of theirs is first used. */
function loadAtFirstUse(build) {
  build.onResolve({ filter: /^(node:)?(crypto|zlib|http|https|tty|fs\/promises|readline)$/ }, ({ path, namespace }) =>
    namespace === 'lazy' ? undefined : { path: path.replace(/^(node:)?/, 'node:'), namespace: 'lazy' },
  );
  build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => {
    const getters = Object.keys(process.getBuiltinModule(path)).map(
      (name) =>
        `get ${JSON.stringify(name)}() { return process.getBuiltinModule('${path}')[${JSON.stringify(name)}]; }`,
    );
    return { contents: `module.exports = { ${getters.join(',\n')} };` };
  });
}

/** commander loads node:child_process at its start, for commands that are programs of their own; there are none here. */
function leaveOutSubprocesses(build) {
  build.onResolve({ filter: /^node:child_process$/ }, ({ importer }) =>
    importer.includes('/node_modules/commander/') ? { path: 'none', namespace: 'no-subprocesses' } : undefined,
  );
  build.onLoad({ filter: /.*/, namespace: 'no-subprocesses' }, () => ({ contents: 'module.exports = {};' }));
}

/**
 * The openai SDK prepares its debug log even when it is off, and asks there whether something is a `Headers`: the first
 * touch of that class makes Node load undici, which takes as long as its whole start. Ours never is one.
 */
function leaveOutHeaders(build) {
  build.onLoad({ filter: /[/\\]openai[/\\]internal[/\\]utils[/\\]log\.mjs$/ }, ({ path }) => {
    const question = 'details.headers instanceof Headers';
    const code = readFileSync(path, 'utf8');
    if (!code.includes(question))
      throw new Error(`${path} no longer asks \`${question}\`: see whether this is still needed`);
    return { contents: code.replace(question, 'false') };
  });
}

/** Of the openai SDK only the client itself is used; its resources are two thirds of it, and as much of its start. */
function leaveOutResources(build) {
  build.onLoad({ filter: /[/\\]openai[/\\]resources[/\\].*\.mjs$/ }, ({ path }) => {
    const classes = [...readFileSync(path, 'utf8').matchAll(/^export class (\w+)/gm)];
    if (classes.length === 0) return undefined; // hands on what others export
    return { contents: classes.map(([, name]) => `export class ${name} {}`).join('\n') };
  });
}

/** The licence of every package that went into the bundle. */
function licences(inputs) {
  const packages = new Map();
  for (const input of inputs) {
    const match = /^(.*node_modules\/(?:@[^/]+\/)?[^/]+)\//.exec(input);
    if (match) packages.set(match[1], true);
  }
  const texts = [...packages.keys()].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^(licen[cs]e|copying)/i.test(entry));
    const text = file ? readFileSync(join(root, folder, file), 'utf8').trim() : `Licence: ${license}`;
    return `${name} ${version} (${license})\n\n${text}\n`;
  });
  return texts.join(`\n${'-'.repeat(80)}\n\n`);
}
