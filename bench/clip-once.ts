import { renderClip } from '../src/test-card/clip.ts';

const startedNs = process.hrtime.bigint();
renderClip({
  id: 'video_bench',
  prompt: 'A paper boat sails into a storm drain',
  model: 'sora-2',
  seconds: 5,
  width: 1280,
  height: 720,
});
process.stdout.write(`${Number(process.hrtime.bigint() - startedNs) / 1e6}\n`);
