import { describe, expect, it } from 'vitest';
import { createSimulatedApi } from '../support/simulated-api.ts';

const ROUTE = '/video/generations';
const GUIDE = { model: 'sora-2', prompt: 'a kite', duration: 5, resolution: '480p', orientation: 'square' };

async function jsonOf(response: Promise<Response>): Promise<Record<string, unknown>> {
  return JSON.parse(await (await response).text());
}

describe('dialect `generations`, as the guide describes it', () => {
  it('reports a job from pending to completed, with a URL for its video', async () => {
    const api = createSimulatedApi();
    const job = await jsonOf(api.call('POST', ROUTE, { json: { ...GUIDE, quality: 'high' } }));
    expect(job).toMatchObject({
      status: 'pending',
      duration: 5,
      resolution: '480p',
      orientation: 'square',
      video_url: null,
    });
    const look = () => jsonOf(api.call('GET', `${ROUTE}/${job.id}`));
    api.clock.advance(1_000);
    expect(await look()).toMatchObject({ status: 'processing', video_url: null });
    api.clock.advance(5_000);
    const url = `http://simulator.invalid/v1/videos/${job.id}/content`;
    expect(await look()).toMatchObject({ status: 'completed', progress: 100, video_url: url });
    expect((await api.handle(new Request(url))).headers.get('content-type')).toBe('video/mp4');
  });

  it('cancels with DELETE; both dialects share the job', async () => {
    const api = createSimulatedApi();
    const { id } = await jsonOf(api.call('POST', ROUTE, { json: GUIDE }));
    expect(await jsonOf(api.call('GET', `/videos/${id}`))).toMatchObject({ id, seconds: '5', size: '480x480' });
    expect(await jsonOf(api.call('DELETE', `${ROUTE}/${id}`))).toEqual({ id, status: 'cancelled' });
    expect((await api.call('GET', `/videos/${id}`)).status).toBe(404);
  });

  it.each([
    ['a length as a string', { duration: '5' }, 'Invalid value: "5"'],
    ['half a second', { duration: 0.5 }, 'Invalid value: 0.5'],
    ['an unknown resolution', { resolution: '4k' }, "Invalid value: '4k'"],
    ['a field of the other dialect', { seconds: '5' }, "Unknown parameter: 'seconds'"],
  ])('refuses %s', async (_, fields, words) => {
    const response = await createSimulatedApi().call('POST', ROUTE, { json: { ...GUIDE, ...fields } });
    expect(response.status).toBe(400);
    expect(await response.text()).toContain(JSON.stringify(words).slice(1, -1));
  });

  it('has no list', async () => {
    expect((await createSimulatedApi().call('GET', ROUTE)).status).toBe(405);
  });

  it.each([
    ['model_not_found', 404, { code: 'model_not_found' }],
    ['rate_limit_exceeded', 429, { code: 'rate_limit_exceeded' }],
    ['invalid_url', 404, { message: 'Invalid URL (POST /v1/video/generations)' }],
  ] as const)('fails on demand like the other dialect: %s', async (fault, status, error) => {
    const response = await createSimulatedApi({ fault }).call('POST', ROUTE, { json: GUIDE });
    expect(response.status).toBe(status);
    expect(await response.json()).toMatchObject({ error });
  });
});

describe('dialect `generations`, as New API implements it', () => {
  const REQUEST = {
    model: 'kling',
    prompt: 'a kite',
    duration: 5,
    size: '320x180',
    image: 'https://cdn.example/a.png',
  };

  it('replies plainly to a create, and wraps the job in upper-case words and percent later', async () => {
    const api = createSimulatedApi({ shape: 'new-api' });
    const { id, ...created } = await jsonOf(api.call('POST', ROUTE, { json: REQUEST }));
    expect(created).toMatchObject({ task_id: id, object: 'video', status: 'queued', progress: 0 });
    api.clock.advance(5_000);
    expect(await jsonOf(api.call('GET', `${ROUTE}/${id}`))).toEqual({
      code: 'success',
      message: '',
      data: {
        task_id: id,
        status: 'SUCCESS',
        progress: '100%',
        result_url: `http://simulator.invalid/v1/videos/${id}/content`,
        fail_reason: '',
      },
    });
  });

  it('reports failures in `fail_reason`, and refusals in its own envelope', async () => {
    const api = createSimulatedApi({ shape: 'new-api', fault: 'processing_error' });
    const { id } = await jsonOf(api.call('POST', ROUTE, { json: REQUEST }));
    api.clock.advance(5_000);
    expect(await jsonOf(api.call('GET', `${ROUTE}/${id}`))).toMatchObject({
      data: { status: 'FAILURE', fail_reason: expect.stringContaining('could not be generated') },
    });
    const unknown = await api.call('GET', `${ROUTE}/nope`);
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toEqual({ code: 'task_not_exist', message: 'task_not_exist', data: null });
  });

  it('deletes nothing', async () => {
    const api = createSimulatedApi({ shape: 'new-api' });
    const { id } = await jsonOf(api.call('POST', ROUTE, { json: REQUEST }));
    expect((await api.call('DELETE', `${ROUTE}/${id}`)).status).toBe(405);
    expect((await api.call('GET', `${ROUTE}/${id}`)).status).toBe(200);
  });
});
