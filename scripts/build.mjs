// Bundles src/ and its libraries into dist/ with esbuild: `sora.js` is the program, `lib/` holds the libraries that few
// commands need, `launch.js` loads the program with its code cache, and `web/` has the pages of `sora serve`. See ADR 2.
import { createHash } from 'node:crypto';
import { copyFileSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { brotliCompressSync } from 'node:zlib';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const outdir = join(root, 'dist');
const swaggerUi = join(root, 'node_modules/swagger-ui-dist');

/** Libraries that few commands need: separate files, required on first use, so that short commands do not read them. */
const LIBRARIES = ['cli-table3', 'conf', 'csv-parse/sync', 'openai', 'ora', 'yaml'];
/** Packages that few people need: npm installs them beside the program, or not at all. */
const OPTIONAL = ['@aws-sdk/*', 'mediabunny', 'pg', 'pg-boss', 'pg-connection-string'];
const fileOf = (library) => `lib/${library.replace(/[^a-z\d]+/g, '-').replace(/^-/, '')}`;
const MCP_SDK = ['server/index.js', 'server/stdio.js', 'types.js', 'validation/ajv'];
const PROTOCOLS = ['@hono/zod-openapi', ...MCP_SDK.map((part) => `@modelcontextprotocol/sdk/${part}`)];
const aliases = {
  ...Object.fromEntries(LIBRARIES.map((library) => [library, `./${fileOf(library)}.js`])),
  ...Object.fromEntries(PROTOCOLS.map((library) => [library, './lib/protocols.js'])),
};

const common = {
  absWorkingDir: root,
  outdir,
  bundle: true,
  minify: true,
  metafile: true,
  logLevel: 'warning',
};
// CommonJS, because starting Node's loader of ES modules takes a fifth of Node's start.
const node = { ...common, platform: 'node', target: 'node20.19', format: 'cjs' };

rmSync(outdir, { recursive: true, force: true });
const program = await build({
  ...node,
  entryPoints: ['src/sora.ts', 'src/simulator/render-worker.ts'],
  entryNames: '[name]',
  alias: aliases,
  external: [...Object.values(aliases), ...OPTIONAL],
  supported: { 'dynamic-import': false }, // `import()` becomes a `require()`
});
const libraries = await build({
  ...node,
  entryPoints: {
    ...Object.fromEntries(LIBRARIES.map((library) => [fileOf(library), library])),
    'lib/protocols': 'scripts/protocols.mjs',
    'locales/index': 'zod/v4/locales/en.js',
  },
  // zod brings its texts in fifty languages, a third of the file, from which nobody can choose here.
  external: ['*/locales/index.js'],
  // An ES module that imports the default of a CommonJS file gets all of that file's exports.
  footer: { js: 'if (module.exports.default) module.exports = module.exports.default;' },
});
const programHash = createHash('sha256')
  .update(readFileSync(join(outdir, 'sora.js')))
  .digest('hex')
  .slice(0, 16);
await build({ ...node, entryPoints: ['src/launch.ts'], define: { PROGRAM_HASH: JSON.stringify(programHash) } });
writeFileSync(join(outdir, 'package.json'), '{ "type": "commonjs" }\n');

const pages = await build({
  ...common,
  outdir: join(outdir, 'web'),
  entryPoints: ['web/page.ts', 'web/docs.ts', 'web/page.css', 'web/docs.css'],
  platform: 'browser',
  target: ['chrome110', 'firefox115', 'safari16'],
});
for (const name of ['index.html', 'docs.html', 'icon.svg'])
  copyFileSync(join(root, 'web', name), join(outdir, 'web', name));
// The official build of Swagger UI, compressed with brotli to a fifth of its size.
for (const name of ['swagger-ui-bundle.js', 'swagger-ui.css'])
  writeFileSync(join(outdir, 'web', `${name}.br`), brotliCompressSync(readFileSync(join(swaggerUi, name))));
for (const name of ['NOTICE', 'swagger-ui-bundle.js.LICENSE.txt'])
  copyFileSync(join(swaggerUi, name), join(outdir, 'web', name));

const inputs = [program, libraries, pages].flatMap(({ metafile }) => Object.keys(metafile.inputs));
writeFileSync(join(outdir, 'THIRD-PARTY-LICENSES.txt'), licences([...inputs, 'node_modules/swagger-ui-dist/index.js']));

/** The licences and notices of all packages of these files. */
function licences(files) {
  const folders = files.flatMap((file) => /^.*node_modules\/(?:@[^/]+\/)?[^/]+(?=\/)/.exec(file) ?? []);
  const texts = [...new Set(folders)].sort().map((folder) => {
    const { name, version, license } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const found = readdirSync(join(root, folder)).filter((entry) => /^(licen[cs]e|copying|notice)/i.test(entry));
    const texts = found.map((entry) => readFileSync(join(root, folder, entry), 'utf8').trim());
    return [`${name} ${version} (${license})`, ...texts].join('\n\n');
  });
  return texts.join(`\n\n${'-'.repeat(80)}\n\n`);
}
