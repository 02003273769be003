import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, onTestFinished } from 'vitest';
import { WorkerRenderer } from '../../src/simulator/worker-renderer.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const SPEC = { id: 'video_1', prompt: 'a kite', model: 'sora-2', seconds: 4, width: 64, height: 64 };

/** A renderer whose thread follows instructions in the prompt. */
function createRenderer(): WorkerRenderer {
  const file = join(createTemporaryFolder(), 'worker.cjs');
  writeFileSync(
    file,
    `const { parentPort } = require('node:worker_threads');
    parentPort.on('message', ({ spec, variant }) => {
      if (spec.prompt === 'die') process.exit(1);
      if (spec.prompt === 'fail') throw new RangeError('too large');
      if (spec.prompt === 'throw') throw new Error('the thread broke');
      parentPort.postMessage(Buffer.from(variant + ' of ' + spec.prompt));
    });`,
  );
  const renderer = new WorkerRenderer(file);
  onTestFinished(() => renderer.close());
  return renderer;
}

it('returns the right file to each of several concurrent requests', async () => {
  const renderer = createRenderer();
  const files = await Promise.all([
    renderer.render({ ...SPEC, prompt: 'one' }, 'video'),
    renderer.render({ ...SPEC, prompt: 'two' }, 'thumbnail'),
  ]);
  expect(files.map((bytes) => Buffer.from(bytes).toString())).toEqual(['video of one', 'thumbnail of two']);
});

it.each([
  ['fail', /too large/],
  ['throw', /the thread broke/],
  ['die', /the rendering thread ended/],
])('recovers when the thread has to %s', async (prompt, reason) => {
  const renderer = createRenderer();
  await expect(renderer.render({ ...SPEC, prompt }, 'video')).rejects.toThrow(reason);
  expect(Buffer.from(await renderer.render(SPEC, 'video')).toString()).toBe('video of a kite');
});
