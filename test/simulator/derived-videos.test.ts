import { describe, expect, it } from 'vitest';
import { renderClip } from '../../src/test-card/clip.ts';
import { createSimulatedApi, type SimulatedApi } from '../support/simulated-api.ts';

const MP4 = new File([Buffer.from('\0\0\0\x18ftypisom\0\0\x02\0', 'latin1')], 'clip.mp4', { type: 'video/mp4' });

async function createFinished(api: SimulatedApi, fields: Readonly<Record<string, unknown>> = {}): Promise<string> {
  const id = await api.create({ seconds: '8', size: '1280x720', ...fields });
  api.clock.advance(3_000);
  return id;
}

function formOf(fields: Readonly<Record<string, string | File>>): FormData {
  const form = new FormData();
  for (const [name, value] of Object.entries(fields)) form.append(name, value);
  return form;
}

describe('a video made from another', () => {
  it('is a remix with the length and size of its source, and names it', async () => {
    const api = createSimulatedApi();
    const id = await createFinished(api);
    const reply = await api.call('POST', `/videos/${id}/remix`, { json: { prompt: 'at night' } });
    expect(await reply.json()).toMatchObject({
      status: 'queued',
      prompt: 'at night',
      seconds: '8',
      size: '1280x720',
      remixed_from_video_id: id,
    });
  });

  it('is an edit of a video or of an uploaded file', async () => {
    const api = createSimulatedApi();
    const id = await createFinished(api);
    const edited = await api.call('POST', '/videos/edits', { json: { prompt: 'in snow', video: { id } } });
    expect(await edited.json()).toMatchObject({ prompt: 'in snow', seconds: '8', remixed_from_video_id: null });
    const form = formOf({ prompt: 'in snow', 'video[id]': id });
    expect(await (await api.call('POST', '/videos/edits', { form })).json()).toMatchObject({ size: '1280x720' });
    const upload = await api.call('POST', '/videos/edits', { form: formOf({ prompt: 'in snow', video: MP4 }) });
    expect(upload.status).toBe(200);
  });

  it.each([
    ['/videos/edits', {}, '12'],
    ['/videos/extensions', { seconds: '8' }, '20'],
  ])('%s keeps the length and size of an uploaded file', async (path, fields, seconds) => {
    const api = createSimulatedApi();
    const clip = renderClip({ id: 'clip', prompt: 'x', model: 'x', seconds: 12, width: 160, height: 96 });
    const video = new File([Uint8Array.from(clip)], 'clip.mp4', { type: 'video/mp4' });
    const reply = await api.call('POST', path, { form: formOf({ prompt: 'in snow', video, ...fields }) });
    expect(await reply.json()).toMatchObject({ seconds, size: '160x96' });
  });

  it('is an extension with the seconds of both, up to 120', async () => {
    const api = createSimulatedApi();
    let id = await createFinished(api);
    for (const total of ['28', '48', '68', '88', '108']) {
      const reply = await api.call('POST', '/videos/extensions', {
        json: { prompt: 'on', seconds: '20', video: { id } },
      });
      const video = await reply.json();
      expect(video).toMatchObject({ seconds: total });
      id = String(Reflect.get(Object(video), 'id'));
      api.clock.advance(4_000);
    }
    const tooLong = await api.call('POST', '/videos/extensions', {
      json: { prompt: 'on', seconds: '20', video: { id } },
    });
    expect(tooLong.status).toBe(400);
  });

  it.each<[string, string, object]>([
    ['/videos/ID/remix', 'prompt', {}],
    ['/videos/edits', 'prompt', { video: { id: 'ID' } }],
    ['/videos/edits', 'video', { prompt: 'x' }],
    ['/videos/edits', 'video', { prompt: 'x', video: 7 }],
    ['/videos/extensions', 'seconds', { prompt: 'x', video: { id: 'ID' } }],
    ['/videos/extensions', 'seconds', { prompt: 'x', seconds: '5', video: { id: 'ID' } }],
  ])('%s names %s as the wrong field', async (path, param, body) => {
    const api = createSimulatedApi();
    const id = await createFinished(api);
    const json: unknown = JSON.parse(JSON.stringify(body).replace('ID', id));
    const reply = await api.call('POST', path.replace('ID', id), { json });
    expect(reply.status).toBe(400);
    expect(await reply.json()).toMatchObject({ error: { param } });
  });

  it('cannot start from an unknown or unfinished source, or from another file', async () => {
    const api = createSimulatedApi();
    const unfinished = await api.create();
    const json = { prompt: 'x' };
    expect((await api.call('POST', '/videos/video_0/remix', { json })).status).toBe(404);
    const early = await api.call('POST', `/videos/${unfinished}/remix`, { json });
    expect(await early.json()).toMatchObject({ error: { code: 'video_not_completed' } });
    const form = formOf({ prompt: 'x', video: new File(['text'], 'clip.mp4') });
    expect(await (await api.call('POST', '/videos/edits', { form })).json()).toMatchObject({
      error: { code: 'invalid_video_file' },
    });
  });
});

describe('a character', () => {
  it('is created from a video and found by another process', async () => {
    const api = createSimulatedApi();
    const reply = await api.call('POST', '/videos/characters', { form: formOf({ name: 'Mossy', video: MP4 }) });
    const character = await reply.json();
    expect(character).toMatchObject({ id: expect.stringMatching(/^char_/), name: 'Mossy' });
    const id = String(Reflect.get(Object(character), 'id'));
    const other = createSimulatedApi({ stateDir: api.stateDir });
    expect(await (await other.call('GET', `/videos/characters/${id}`)).json()).toEqual(character);
    expect((await other.call('GET', '/videos/characters/char_0')).status).toBe(404);
  });

  it('needs a name and a video', async () => {
    const api = createSimulatedApi();
    for (const fields of [{ video: MP4 }, { name: 'Mossy' }, { name: 'x'.repeat(81), video: MP4 }]) {
      expect((await api.call('POST', '/videos/characters', { form: formOf(fields) })).status).toBe(400);
    }
  });
});
