// Bundles src/ and its libraries into dist/: `launch.js`, which loads the program with the code that V8 kept of an earlier
// run, and the program: chunks packed into three files, each chunk run when something of it is first used.
// In CommonJS, because starting Node's loader of ES modules alone takes a fifth of Node's whole start.
import { createHash } from 'node:crypto';
import { copyFileSync, existsSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync, constants } from 'node:zlib';
import { build, transform } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = join(root, 'dist');

/** Characters. */
const LARGE = 100_000;
/**
 * The files that chunks are packed into, by the modules that each begins with: every chunk goes, with all that it needs at
 * once, into the first that wants it. Reading takes a fifth of a short command’s time, so it reads what it needs only.
 */
const PACKS = {
  sora: [
    'src/sora.ts',
    'src/app/context.ts',
    ...['config/config', 'list', 'status'].map((name) => `src/commands/${name}.ts`),
  ],
  client: ['src/client/transport.ts', 'src/client/retry.ts', 'src/client/profile-client.ts', 'src/client/videos.ts'],
  rest: [],
};

const common = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  write: false,
  platform: 'node',
  target: 'node20.19',
  minify: true,
  logLevel: 'warning',
};
const launcher = await build({
  ...common,
  entryPoints: ['src/launch.ts', 'src/simulator/render-worker.ts'],
  entryNames: '[name]',
  format: 'cjs',
});
const pages = await build({
  ...common,
  outdir: join(outdir, 'web'),
  entryPoints: ['web/page.ts', 'web/docs.ts', 'web/page.css', 'web/docs.css'],
  platform: 'browser',
  target: ['chrome110', 'firefox115', 'safari16'],
});
// esbuild splits ES modules only, so the chunks are made as such, then turned into CommonJS and packed.
const program = await build({
  ...common,
  entryPoints: ['src/sora.ts'],
  format: 'esm',
  splitting: true,
  metafile: true,
  chunkNames: '[name]-[hash]',
  plugins: [
    { name: 'lazy-builtins', setup: loadAtFirstUse },
    { name: 'no-subprocesses', setup: leaveOutSubprocesses },
    { name: 'quiet-sdk', setup: leaveOutHeaders },
    { name: 'bare-sdk', setup: leaveOutResources },
    { name: 'english-zod', setup: leaveOutLanguages },
    { name: 'proxy-undici', setup: leaveOutFetch },
  ],
});
rmSync(outdir, { recursive: true, force: true });
mkdirSync(join(outdir, 'web'), { recursive: true });
for (const { path, contents } of [...launcher.outputFiles, ...pages.outputFiles]) writeFileSync(path, contents);
for (const name of ['index.html', 'docs.html', 'icon.svg'])
  copyFileSync(join(root, 'web', name), join(outdir, 'web', name));
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css']) compressAsset(name);
await pack(program);
writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n');
writeFileSync(
  join(outdir, 'THIRD-PARTY-LICENSES.txt'),
  licences([...Object.keys(program.metafile.inputs), 'node_modules/swagger-ui-dist/swagger-ui-bundle.js']),
);

/**
 * Writes a file for each of `PACKS`, where every chunk is a function that is called when it is first required, and beside them
 * those chunks that are too large to be read with others. Each file begins with a hash of the program, see
 * `platform/code-cache.ts`; `sora.js` is called with a function that reads another one.
 */
async function pack({ outputFiles, metafile }) {
  refuseCircles(metafile.outputs);
  const homes = assignPacks(metafile.outputs);
  const packed = { sora: [], client: [], rest: [] };
  const hash = createHash('sha256');
  for (const { path, text } of outputFiles) {
    const { code: translated } = await transform(text, {
      format: 'cjs',
      platform: 'node',
      target: 'node20.19',
      minify: true,
      supported: { 'dynamic-import': false }, // `import()` becomes a `require()` when it is reached
    });
    const code = await withPlainExports(translated);
    hash.update(code);
    const name = `./${basename(path)}`;
    if (code.length > LARGE) {
      homes.delete(name);
      writeFileSync(path, `module.exports=function(module,exports,require){${code}}`);
    } else packed[homes.get(name)].push(`${JSON.stringify(name)}(module,exports,require){${code}}`);
  }
  const firstLine = `//${hash.digest('hex').slice(0, 16)}\n`;
  const elsewhere = Object.fromEntries([...homes].filter(([, home]) => home !== 'sora'));
  for (const [name, chunks] of Object.entries(packed)) {
    const listed = `{\n${chunks.join(',\n')}\n}`;
    const body = name === 'sora' ? withLoader(listed, elsewhere) : `module.exports=${listed};`;
    writeFileSync(join(outdir, `${name}.js`), `${firstLine}(function(module,exports,require,readPack){\n${body}\n})`);
  }
}

/** Chunks that need each other at once would find each other half made. */
function refuseCircles(outputs) {
  const whole = new Set();
  const visit = (path, above) => {
    if (above.includes(path)) throw new Error(`chunks in a circle: ${[...above, path].join(' → ')}`);
    if (whole.has(path) || outputs[path] === undefined) return;
    for (const { path: needed, kind } of outputs[path].imports) {
      if (kind !== 'dynamic-import') visit(needed, [...above, path]);
    }
    whole.add(path);
  };
  for (const path of Object.keys(outputs)) visit(path, []);
}

/**
 * Gives the names of a chunk out as they are when it has run; none is assigned to later. esbuild makes a getter for each, and
 * a copy with another, for chunks that need each other in a circle.
 */
async function withPlainExports(code) {
  const getters = /[\w$]+\(([\w$]+),\{((?:[\w$]+:\(\)=>[\w$.]+,?)*)\}\);module\.exports=[\w$]+\(\1\);/;
  const [definition, , names] = getters.exec(code) ?? [];
  if (definition === undefined) return code;
  const plain = `${code.replace(definition, '')};module.exports={__esModule:!0,${names.replaceAll(':()=>', ':')}};`;
  return (await transform(plain, { minify: true, treeShaking: true, target: 'node20.19' })).code;
}

function withLoader(chunks, elsewhere) {
  return `const chunks=${chunks};
const elsewhere=${JSON.stringify(elsewhere)};
const loaded=new Map();
function load(id){
  if(!id.startsWith('./'))return require(id);
  let module=loaded.get(id);
  if(module===undefined){
    loaded.set(id,module={exports:{}});
    if(!(id in chunks)&&id in elsewhere)Object.assign(chunks,readPack(elsewhere[id]));
    (chunks[id]??require(id))(module,module.exports,load);
  }
  return module.exports;
}
module.exports=load('./sora.js');`;
}

/** Chunk → the pack that it goes into. */
function assignPacks(outputs) {
  const chunks = new Map(Object.entries(outputs).map(([path, output]) => [`./${basename(path)}`, output]));
  const byEntry = new Map([...chunks].map(([name, { entryPoint }]) => [entryPoint, name]));
  const homes = new Map();
  const settle = (name, home) => {
    const chunk = chunks.get(name);
    if (chunk === undefined || homes.has(name)) return;
    homes.set(name, home);
    for (const { path, kind } of chunk.imports) if (kind !== 'dynamic-import') settle(`./${basename(path)}`, home);
  };
  for (const [home, modules] of Object.entries(PACKS)) {
    for (const entry of modules) {
      if (!byEntry.has(entry)) throw new Error(`${entry} is not loaded by itself, so it cannot begin a pack`);
      settle(byEntry.get(entry), home);
    }
  }
  for (const name of chunks.keys()) settle(name, 'rest');
  return homes;
}

/** Node's own modules that take long to load are loaded when something of theirs is first used. */
function loadAtFirstUse(build) {
  build.onResolve(
    { filter: /^(node:)?(crypto|zlib|http|https|tls|tty|fs\/promises|readline|stream\/consumers)$/ },
    ({ path, namespace }) =>
      namespace === 'lazy' ? undefined : { path: path.replace(/^(node:)?/, 'node:'), namespace: 'lazy' },
  );
  // What stands behind a prototype is not copied, property by property, by each importer.
  build.onLoad({ filter: /.*/, namespace: 'lazy' }, ({ path }) => ({
    contents: `module.exports = Object.create(new Proxy({}, { get: (_, name) => process.getBuiltinModule('${path}')[name] }));`,
  }));
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

/**
 * Of undici only requests through proxies are used. Its fetch, websockets, mocks, caches and interceptors are a third of it; another is
 * its parser a second time, for processors with SIMD: without that one it takes the plain one, as it does elsewhere.
 */
function leaveOutFetch(build) {
  const isUnused = /^\.\/lib\/(web|mock|interceptor|cache)\/|llhttp_simd-wasm/;
  build.onResolve({ filter: isUnused }, ({ importer }) =>
    /[/\\]undici[/\\](index|lib[/\\]dispatcher[/\\]client-h1)\.js$/.test(importer)
      ? { path: 'unused', namespace: 'unused' }
      : undefined,
  );
  // Its index makes one of what it finds there.
  build.onLoad({ filter: /.*/, namespace: 'unused' }, () => ({
    contents: 'module.exports = new Proxy({}, { get: () => class {} });',
  }));
}

/** zod speaks fifty languages, a third of its size; only one of them is asked for. */
function leaveOutLanguages(build) {
  build.onLoad({ filter: /[/\\]zod[/\\]v4[/\\]locales[/\\]index\.js$/ }, () => ({
    contents: `export { default as en } from './en.js';`,
  }));
}

/**
 * Swagger UI is used as its makers built it. Compressed as browsers take it, it is a fifth of its size, and smaller than
 * npm would make it. That takes seconds, so what was compressed is kept for the next build.
 */
function compressAsset(name) {
  const folder = join(root, 'node_modules/swagger-ui-dist');
  const { version } = JSON.parse(readFileSync(join(folder, 'package.json'), 'utf8'));
  const kept = join(root, 'node_modules/.cache/sora', `${version}-${name}.br`);
  if (!existsSync(kept)) {
    const params = { [constants.BROTLI_PARAM_LGWIN]: constants.BROTLI_MAX_WINDOW_BITS };
    mkdirSync(dirname(kept), { recursive: true });
    writeFileSync(kept, brotliCompressSync(readFileSync(join(folder, name)), { params }));
  }
  copyFileSync(kept, join(outdir, 'web', `${name}.br`));
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
