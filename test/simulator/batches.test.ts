import { describe, expect, it } from 'vitest';
import { createSimulatedApi, type SimulatedApi } from '../support/simulated-api.ts';

type Reply = Record<string, unknown>;

const line = (customId: string, body: object, others: object = {}): string =>
  JSON.stringify({ custom_id: customId, method: 'POST', url: '/v1/videos', body, ...others });
const KITE = { prompt: 'a kite', model: 'sora-2' };

async function read(api: SimulatedApi, ...call: Parameters<SimulatedApi['call']>): Promise<Reply> {
  return Object(await (await api.call(...call)).json());
}

async function upload(api: SimulatedApi, text: string, purpose = 'batch'): Promise<string> {
  const form = new FormData();
  form.append('purpose', purpose);
  form.append('file', new File([text], 'shots.jsonl'));
  return String((await read(api, 'POST', '/files', { form })).id);
}

async function createBatch(api: SimulatedApi, lines: readonly string[], headers = {}): Promise<Reply> {
  const json = {
    input_file_id: await upload(api, lines.join('\n')),
    endpoint: '/v1/videos',
    completion_window: '24h',
  };
  return read(api, 'POST', '/batches', { json, headers });
}

const batchOf = (api: SimulatedApi, { id }: Reply): Promise<Reply> => read(api, 'GET', `/batches/${id}`);

async function resultsOf(api: SimulatedApi, id: unknown): Promise<Reply[]> {
  const text = await (await api.call('GET', `/files/${id}/content`)).text();
  return text
    .trim()
    .split('\n')
    .map((result) => JSON.parse(result));
}

describe('a batch', () => {
  it('creates the videos of its lines, which other processes see and which last a day', async () => {
    const api = createSimulatedApi();
    const created = await createBatch(api, [line('one', KITE), line('two', { ...KITE, seconds: '8' })]);
    api.clock.advance(4_000);
    const other = createSimulatedApi({ stateDir: api.stateDir, clock: api.clock });
    const batch = await batchOf(other, created);
    expect(batch).toMatchObject({ status: 'completed', error_file_id: null, request_counts: { completed: 2 } });
    const results = await resultsOf(other, batch.output_file_id);
    expect(results.map((result) => result.custom_id)).toEqual(['one', 'two']);
    const video = Object(Object(results[1]?.response).body);
    expect(video).toMatchObject({ seconds: '8', status: 'completed' });
    expect(video.expires_at - video.completed_at).toBe(86_400);
  });

  it('fails as a whole when its file is invalid', async () => {
    const api = createSimulatedApi();
    const lines = [
      'no JSON',
      line('a', KITE),
      line('a', KITE),
      line('b', KITE, { method: 'GET' }),
      line('c', KITE, { url: '/v1/responses' }),
      line('d', { ...KITE, model: 'sora-2-pro' }),
    ];
    const created = await createBatch(api, lines);
    api.clock.advance(4_000);
    const batch = await batchOf(api, created);
    expect(batch.status).toBe('failed');
    const errors: { code: string; line: number }[] = Object(batch.errors).data;
    expect(errors.map(({ code, line: at }) => [at, code])).toEqual([
      [1, 'invalid_json_line'],
      [3, 'duplicate_custom_id'],
      [4, 'invalid_method'],
      [5, 'mismatched_url'],
      [6, 'mismatched_model'],
    ]);
    expect((await read(api, 'GET', '/videos')).data).toEqual([]);
  });

  it('is the same for the same idempotency key, and is created when only its reply is lost', async () => {
    const api = createSimulatedApi();
    const json = {
      input_file_id: await upload(api, line('one', KITE)),
      endpoint: '/v1/videos',
      completion_window: '24h',
    };
    const headers = { 'idempotency-key': 'k1', 'x-sora-fault': 'create-dropped-after-accept' };
    await expect(api.call('POST', '/batches', { json, headers })).rejects.toThrow('dropped');
    const { id } = await read(api, 'POST', '/batches', { json, headers: { 'idempotency-key': 'k1' } });
    const { data } = await read(api, 'GET', '/batches');
    expect(data).toMatchObject([{ id }]);
    expect((await read(api, 'GET', '/videos')).data).toHaveLength(1);
  });

  it('expires after a day with unfinished videos, and keeps failed ones in its results', async () => {
    const api = createSimulatedApi();
    const stuck = await createBatch(api, [line('one', KITE)], { 'x-sora-fault': 'stuck' });
    const failed = await createBatch(api, [line('one', KITE)], { 'x-sora-fault': 'processing_error' });
    api.clock.advance(23 * 3_600_000);
    expect((await batchOf(api, stuck)).status).toBe('in_progress');
    const { output_file_id: output } = await batchOf(api, failed);
    expect(await resultsOf(api, output)).toMatchObject([{ response: { body: { status: 'failed' } } }]);
    api.clock.advance(2 * 3_600_000);
    const { status, error_file_id: errors } = await batchOf(api, stuck);
    expect(status).toBe('expired');
    expect(await resultsOf(api, errors)).toMatchObject([{ response: null, error: { code: 'batch_expired' } }]);
  });

  it.each<[string, object, number]>([
    ['an unknown file', { input_file_id: 'file_0' }, 404],
    ['no file', { input_file_id: null }, 400],
    ['another endpoint', { endpoint: '/v1/responses' }, 400],
    ['another window', { completion_window: '1h' }, 400],
    ['metadata that is not a string', { metadata: { a: 1 } }, 400],
  ])('with %s is refused', async (_, fields, status) => {
    const api = createSimulatedApi();
    const input_file_id = await upload(api, line('one', KITE));
    const json = { input_file_id, endpoint: '/v1/videos', completion_window: '24h', ...fields };
    expect((await api.call('POST', '/batches', { json })).status).toBe(status);
    const photos = await upload(api, 'x', 'vision');
    expect((await api.call('POST', '/batches', { json: { ...json, input_file_id: photos } })).status).not.toBe(200);
    expect((await api.call('GET', '/batches/batch_0')).status).toBe(404);
  });
});
