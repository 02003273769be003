import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { createBinary } from '../support/binary.ts';
import { startVideosServer } from '../support/videos-server.ts';

const { ROUNDS = '2' } = process.env;
const PROCESSES = 8;

/** Preloaded: an append reads the end of the ledger first and writes there some time later, as on NFS. */
const TWO_STEPS = `
const fs = require('node:fs');
const { openSync, writeSync, fstatSync } = fs;
const ledgers = new Set();
fs.openSync = (path, flags, ...rest) => {
  const isLedger = flags === 'a+' && /ledger\\.jsonl$/.test(path);
  const descriptor = openSync(path, isLedger ? fs.constants.O_RDWR | fs.constants.O_CREAT : flags, ...rest);
  if (isLedger) ledgers.add(descriptor);
  else ledgers.delete(descriptor);
  return descriptor;
};
fs.writeSync = (descriptor, bytes, ...rest) => {
  if (!ledgers.has(descriptor)) return writeSync(descriptor, bytes, ...rest);
  const end = fstatSync(descriptor).size;
  Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, 15 * Math.random());
  return writeSync(descriptor, bytes, 0, bytes.length, end);
};
`;

it(`pays once for ${PROCESSES} equal creates where appends are not atomic, ${ROUNDS} times`, async () => {
  const sora = createBinary();
  const preload = join(sora.cwd, 'two-steps.cjs');
  writeFileSync(preload, TWO_STEPS);
  const server = await startVideosServer();
  const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'key-of-the-lab', NODE_OPTIONS: `--require=${preload}` };
  for (let round = 1; round <= Number(ROUNDS); round++) {
    const runs = Array.from(
      { length: PROCESSES },
      () => sora.start(['create', `boat ${round}`, '--detach'], env).ended,
    );
    const ids = new Set((await Promise.all(runs)).map(({ stdout, stderr }) => stdout || stderr));
    expect({ posts: server.posts, ids: [...ids] }).toEqual({ posts: round, ids: [`video_${round}\n`] });
  }
}, 600_000);
