import { describe, expect, it } from 'vitest';
import { FAULT_NAMES, type FaultName, parseFault } from '../../src/simulator/faults.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

const INVALID = 'invalid_request_error';

describe('parseFault', () => {
  it.each([
    ['poll-drop', 'poll-drop'],
    ['poll_drop', 'poll-drop'],
    ['rate-limit-exceeded', 'rate_limit_exceeded'],
    ['Rate_Limit_Exceeded', 'rate_limit_exceeded'],
    ['no-such-fault', null],
    ['', null],
  ])('reads %j as %j', (text, name) => {
    expect(parseFault(text)).toBe(name);
  });

  it('accepts every fault by its own name', () => {
    expect(FAULT_NAMES.map(parseFault)).toEqual(FAULT_NAMES);
  });
});

describe('a refusal', () => {
  it.each<[FaultName, number, string, string | null, string | null, RegExp]>([
    ['invalid_value', 400, INVALID, 'invalid_value', 'seconds', /^Invalid value: '10'\. Supported values are: /],
    ['reference_size_mismatch', 400, INVALID, null, null, /^Inpaint image must match the requested width and height$/],
    ['unknown_parameter', 400, INVALID, 'unknown_parameter', 'width', /^Unknown parameter: 'width'$/],
    ['moderation_blocked_input', 400, INVALID, 'moderation_blocked', null, /people-in-user-uploads\.$/],
    ['billing_hard_limit_reached', 400, 'billing_limit_user_error', 'billing_hard_limit_reached', null, /limit/],
    ['invalid_api_key', 401, INVALID, 'invalid_api_key', null, /^Incorrect API key/],
    ['organization_not_verified', 403, INVALID, null, null, /must be verified to use the model `sora-2`/],
    ['model_not_found', 404, INVALID, 'model_not_found', null, /^The model 'sora-2' does not exist or you do not/],
    ['model_deprecated', 404, INVALID, 'model_not_found', null, /has been deprecated/],
    ['invalid_url', 404, INVALID, null, null, /^Invalid URL \(POST \/v1\/videos\)$/],
    ['rate_limit_exceeded', 429, 'requests', 'rate_limit_exceeded', null, /^Rate limit reached/],
    ['insufficient_quota', 429, 'insufficient_quota', 'insufficient_quota', null, /^You exceeded your current quota/],
    ['server_error', 500, 'server_error', null, null, /had an error/],
    ['service_unavailable', 503, 'service_unavailable_error', null, null, /overloaded/],
  ])('%s answers a create with %i and creates no job', async (fault, status, type, code, param, message) => {
    const refusing = createSimulatedApi({ fault });
    const response = await refusing.call('POST', '/videos', { json: { prompt: 'a kite' } });
    expect(response.status).toBe(status);
    expect(await response.json()).toEqual({ error: { message: expect.stringMatching(message), type, param, code } });

    const healthy = createSimulatedApi({ stateDir: refusing.stateDir });
    expect(await (await healthy.call('GET', '/videos')).json()).toMatchObject({ data: [] });
  });

  it('sends a Retry-After with rate_limit_exceeded', async () => {
    const api = createSimulatedApi({ fault: 'rate_limit_exceeded' });
    const response = await api.call('POST', '/videos', { json: { prompt: 'a kite' } });
    expect(response.headers.get('retry-after')).toBe('1');
  });

  it.each<[FaultName, Record<string, number>]>([
    ['insufficient_quota', { '/videos': 200, '/videos/ID': 200, '/models/sora-2': 200 }],
    ['model_not_found', { '/videos': 200, '/videos/ID': 200, '/models/sora-2': 404 }],
    ['invalid_url', { '/videos': 404, '/videos/ID': 404, '/models/sora-2': 200 }],
    ['invalid_api_key', { '/videos': 401, '/videos/ID': 401, '/models/sora-2': 401 }],
    ['server_error', { '/videos': 500, '/videos/ID': 500, '/models/sora-2': 500 }],
  ])('%s affects the same routes as on a real server', async (fault, statuses) => {
    const healthy = createSimulatedApi();
    const id = await healthy.create();
    const refusing = createSimulatedApi({ fault, stateDir: healthy.stateDir });
    for (const [path, status] of Object.entries(statuses)) {
      const response = await refusing.call('GET', path.replace('ID', id));
      expect([path, response.status]).toEqual([path, status]);
    }
  });
});

describe('a broken connection', () => {
  const dropped = { name: 'ConnectionDropped', code: 'ECONNRESET' };

  it.each<[FaultName, number]>([
    ['create-dropped-after-accept', 1],
    ['reset-before-accept', 0],
  ])('%s leaves %i jobs behind', async (fault, count) => {
    const faulty = createSimulatedApi({ fault });
    await expect(faulty.call('POST', '/videos', { json: { prompt: 'a kite' } })).rejects.toMatchObject(dropped);

    const healthy = createSimulatedApi({ stateDir: faulty.stateDir });
    const list: unknown = await (await healthy.call('GET', '/videos')).json();
    expect(list).toMatchObject({ data: { length: count } });
  });

  it('poll-drop breaks every second status call of each job', async () => {
    const api = createSimulatedApi({ fault: 'poll-drop' });
    const [first, second] = [await api.create(), await api.create()];
    expect((await api.call('GET', `/videos/${first}`)).status).toBe(200);
    expect((await api.call('GET', `/videos/${second}`)).status).toBe(200);
    await expect(api.call('GET', `/videos/${first}`)).rejects.toMatchObject(dropped);
    expect((await api.call('GET', `/videos/${first}`)).status).toBe(200);
  });
});

it.each([
  ['POST', '/videos'],
  ['GET', '/videos'],
  ['GET', '/videos/video_1/content'],
  ['GET', '/models'],
])('html-instead-of-json answers %s %s with a login page', async (method, path) => {
  const response = await createSimulatedApi({ fault: 'html-instead-of-json' }).call(method, path);
  expect(response.status).toBe(200);
  expect(response.headers.get('content-type')).toMatch(/^text\/html/);
  expect(await response.text()).toMatch(/^<!DOCTYPE html>/);
});
