// `npm run soak:world`: 10,000 random worlds for the model in test/world. WORLDS and SEED in the environment change how many
// and which; a failure prints the smallest world that it found, and the WORLD_PATH that leads back to it.
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { join } from 'node:path';

const { WORLDS = '10000', SEED = String(Date.now() % 1_000_000) } = process.env;
const root = join(import.meta.dirname, '..');
process.stdout.write(`${WORLDS} worlds of seed ${SEED}\n`);
const child = spawn(process.execPath, [join(root, 'node_modules/vitest/vitest.mjs'), 'run', 'test/world'], {
  cwd: root,
  env: { ...process.env, WORLDS, SEED },
  stdio: 'inherit',
});
const [code] = await once(child, 'exit');
process.exitCode = code ?? 1;
