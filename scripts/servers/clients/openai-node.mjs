// Every videos call of the openai package against `sora serve`: `openai-node.mjs NODE_MODULES BASE_URL IMAGE`.
// Prints one line of JSON for each call: {"call","ok","reason"}.
import { createReadStream, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { setTimeout } from 'node:timers/promises';

const [modules, baseURL, image] = process.argv.slice(2);
const require = createRequire(modules);
const { OpenAI, toFile } = require('openai');
const client = new OpenAI({ baseURL, apiKey: 'test-api-key', maxRetries: 0 });
const seen = {};

const report = (result) => process.stdout.write(`${JSON.stringify(result)}\n`);

async function call(name, run) {
  try {
    const problem = await run();
    report({ call: name, ok: problem === undefined, reason: problem });
  } catch (error) {
    report({ call: name, ok: false, reason: String(error).slice(0, 200) });
  }
}

const unless = (isRight, problem) => (isRight ? undefined : problem);
const request = { model: 'sora-2', prompt: 'a paper boat', seconds: '4', size: '1280x720' };
const upload = () => toFile(createReadStream(image), 'frame.png', { type: 'image/png' });
const bytesOf = async (id, variant) => {
  const reply = await client.videos.downloadContent(id, variant === undefined ? {} : { variant });
  return Buffer.from(await reply.arrayBuffer());
};

// This package has no such method.
async function createAndPoll() {
  let video = await client.videos.create(request);
  while (video.status === 'queued' || video.status === 'in_progress') {
    const { data, response } = await client.videos.retrieve(video.id).withResponse();
    video = data;
    await setTimeout(Number(response.headers.get('openai-poll-after-ms') ?? 1_000));
  }
  return video;
}

/** A batch of one video. */
async function batchOf(prompt) {
  const body = { ...request, prompt };
  const line = JSON.stringify({ custom_id: 'one', method: 'POST', url: '/v1/videos', body });
  const file = await client.files.create({ file: await toFile(Buffer.from(line), 'shots.jsonl'), purpose: 'batch' });
  return client.batches.create({ input_file_id: file.id, endpoint: '/v1/videos', completion_window: '24h' });
}

await call('create_and_poll', async () => {
  seen.video = await createAndPoll();
  return unless(seen.video.status === 'completed', `status ${seen.video.status}`);
});
await call('create', async () => {
  seen.second = await client.videos.create(request);
  return unless(seen.second.id.startsWith('video_') && seen.second.seconds === '4', JSON.stringify(seen.second));
});
await call('create with a file', async () => {
  const video = await client.videos.create({ ...request, input_reference: await upload() });
  return unless(video.id !== seen.second.id && video.size === '1280x720', JSON.stringify(video));
});
await call('create with a data URL', async () => {
  const url = `data:image/png;base64,${readFileSync(image).toString('base64')}`;
  const video = await client.videos.create({ ...request, input_reference: { image_url: url } });
  return unless(video.status !== 'failed', JSON.stringify(video));
});
await call('retrieve', async () => {
  const video = await client.videos.retrieve(seen.video.id);
  return unless(video.id === seen.video.id && video.progress === 100, JSON.stringify(video));
});
await call('list with paging', async () => {
  const ids = [];
  for await (const { id } of client.videos.list({ limit: 2, order: 'asc' })) ids.push(id);
  const isWhole = new Set(ids).size === ids.length && ids.length >= 4 && ids[0] === seen.video.id;
  return unless(isWhole, ids.join(' '));
});
await call('download_content: video', async () => {
  const bytes = await bytesOf(seen.video.id);
  return unless(bytes.toString('latin1', 4, 8) === 'ftyp', `${bytes.length} bytes`);
});
await call('download_content: thumbnail', async () => {
  const bytes = await bytesOf(seen.video.id, 'thumbnail');
  return unless(bytes.toString('latin1', 8, 12) === 'WEBP', `${bytes.length} bytes`);
});
await call('download_content: spritesheet', async () => {
  const bytes = await bytesOf(seen.video.id, 'spritesheet');
  return unless(bytes[0] === 0xff && bytes[1] === 0xd8, `${bytes.length} bytes`);
});
await call('remix', async () => {
  const video = await client.videos.remix(seen.video.id, { prompt: 'at night' });
  return unless(video.remixed_from_video_id === seen.video.id, JSON.stringify(video));
});
await call('edit', async () => {
  const video = await client.videos.edit({ prompt: 'in snow', video: { id: seen.video.id } });
  return unless(video.id.startsWith('video_'), JSON.stringify(video));
});
await call('extend', async () => {
  const video = await client.videos.extend({ prompt: 'it sails on', seconds: '4', video: { id: seen.video.id } });
  return unless(video.seconds === '8', `${video.seconds} seconds`);
});
await call('create_character', async () => {
  const clip = await toFile(await bytesOf(seen.video.id), 'clip.mp4', { type: 'video/mp4' });
  seen.character = await client.videos.createCharacter({ name: 'Mira', video: clip });
  return unless(seen.character.name === 'Mira', JSON.stringify(seen.character));
});
await call('get_character', async () => {
  const character = await client.videos.getCharacter(seen.character.id);
  return unless(character.id === seen.character.id, JSON.stringify(character));
});
await call('files and batches', async () => {
  let batch = await batchOf('a paper boat in a batch');
  while (!['completed', 'failed', 'expired', 'cancelled'].includes(batch.status)) {
    await setTimeout(250);
    batch = await client.batches.retrieve(batch.id);
  }
  const result = JSON.parse(await (await client.files.content(batch.output_file_id)).text());
  const bytes = await bytesOf(result.response.body.id);
  const isMade = result.custom_id === 'one' && bytes.toString('latin1', 4, 8) === 'ftyp';
  return unless(isMade, JSON.stringify({ batch, result }));
});
await call('cancel a batch', async () => {
  const { id } = await batchOf('a paper boat to be cancelled');
  const { status } = await client.batches.cancel(id);
  const listed = [];
  for await (const batch of client.batches.list({ limit: 1 })) listed.push(batch.id);
  return unless(status === 'cancelling' && listed.includes(id), `${status}, ${listed}`);
});
await call('delete', async () => {
  const reply = await client.videos.delete(seen.second.id);
  if (!reply.deleted) return JSON.stringify(reply);
  const after = await client.videos.retrieve(seen.second.id).catch(({ status }) => status);
  return unless(after === 404, `it is still there: ${JSON.stringify(after)}`);
});
await call('an error', async () => {
  const error = await client.videos.create({ ...request, seconds: '99' }).catch((error) => error);
  return unless(error.status === 400 && error.param === 'seconds', String(error));
});
