import { describe, expect, it } from 'vitest';
import { createSimulatedApi, type SimulatedApi, type SimulatedApiOptions } from '../support/simulated-api.ts';

/** Renders quickly. */
const SMALL = { model: 'small', size: '320x180', seconds: '1' };

async function createFinished(
  options: SimulatedApiOptions = {},
  fields: Readonly<Record<string, string>> = SMALL,
): Promise<{ api: SimulatedApi; path: string }> {
  const api = createSimulatedApi(options);
  const id = await api.create(fields);
  api.clock.advance(3_000);
  return { api, path: `/videos/${id}/content` };
}

async function readBytes(response: Response): Promise<Buffer> {
  return Buffer.from(await response.arrayBuffer());
}

/** The bytes of a body until it ends or breaks off. */
async function readUntilBroken(response: Response): Promise<{ bytes: Buffer; error: unknown }> {
  const chunks: Uint8Array[] = [];
  try {
    for await (const chunk of response.body ?? []) chunks.push(chunk);
    return { bytes: Buffer.concat(chunks), error: null };
  } catch (error) {
    return { bytes: Buffer.concat(chunks), error };
  }
}

describe('the content of a video', () => {
  it.each([
    ['', 'video/mp4', (bytes: Buffer) => bytes.toString('latin1', 4, 8) === 'ftyp'],
    ['?variant=video', 'video/mp4', (bytes: Buffer) => bytes.toString('latin1', 4, 8) === 'ftyp'],
    ['?variant=thumbnail', 'image/webp', (bytes: Buffer) => bytes.toString('latin1', 8, 12) === 'WEBP'],
    ['?variant=spritesheet', 'image/jpeg', (bytes: Buffer) => bytes.readUInt16BE(0) === 0xffd8],
  ])('%j is %s', async (query, mimeType, looksRight) => {
    const { api, path } = await createFinished();
    const response = await api.call('GET', `${path}${query}`);
    const bytes = await readBytes(response);
    expect(response.status).toBe(200);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': mimeType,
      'content-length': String(bytes.length),
      'accept-ranges': 'bytes',
      etag: expect.stringMatching(/^"[0-9a-f]{32}"$/),
      'x-request-id': expect.stringMatching(/^req_/),
    });
    expect(looksRight(bytes)).toBe(true);
  });

  it('is the same in every process, and differs between videos', async () => {
    const { api, path } = await createFinished();
    const etag = (await api.call('GET', path)).headers.get('etag');
    const other = createSimulatedApi({ stateDir: api.stateDir, clock: api.clock });
    expect((await other.call('GET', path)).headers.get('etag')).toBe(etag);

    const id = await other.create({ ...SMALL, prompt: 'a green kite' });
    api.clock.advance(3_000);
    expect((await other.call('GET', `/videos/${id}/content`)).headers.get('etag')).not.toBe(etag);
  });

  it('is served in ranges', async () => {
    const { api, path } = await createFinished();
    const whole = await readBytes(await api.call('GET', path));
    const response = await api.call('GET', path, { headers: { range: 'bytes=100-299' } });
    expect(response.status).toBe(206);
    expect(Object.fromEntries(response.headers)).toMatchObject({
      'content-type': 'video/mp4',
      'content-length': '200',
      'content-range': `bytes 100-299/${whole.length}`,
    });
    expect((await readBytes(response)).equals(whole.subarray(100, 300))).toBe(true);
  });

  it('has no range beyond its end', async () => {
    const { api, path } = await createFinished();
    const { length } = await readBytes(await api.call('GET', path));
    const response = await api.call('GET', path, { headers: { range: `bytes=${length}-` } });
    expect([response.status, response.headers.get('content-range')]).toEqual([416, `bytes */${length}`]);
  });

  it.each([
    ['this file', (etag: string) => etag, 206],
    ['another file', () => '"other"', 200],
    ['a date', () => 'Wed, 21 Oct 2026 07:28:00 GMT', 200],
  ])('honours If-Range with the tag of %s', async (_, ifRange, status) => {
    const { api, path } = await createFinished();
    const etag = (await api.call('GET', path)).headers.get('etag') ?? '';
    const headers = { range: 'bytes=0-9', 'if-range': ifRange(etag) };
    expect((await api.call('GET', path, { headers })).status).toBe(status);
  });

  it('answers HEAD without the bytes', async () => {
    const { api, path } = await createFinished();
    const whole = await api.call('GET', path);
    const response = await api.call('HEAD', path);
    expect([response.status, response.headers.get('content-length')]).toEqual([
      200,
      whole.headers.get('content-length'),
    ]);
    expect(response.body).toBeNull();
  });

  it.each([
    ['is not ready', 'slow', 3_000, 409, 'video_not_ready'],
    ['failed', 'processing_error', 3_000, 404, 'video_failed'],
    ['has expired', undefined, 3_603_000, 410, 'content_expired'],
  ] as const)('is refused while the video %s', async (_, fault, elapsedMs, status, code) => {
    const api = createSimulatedApi(fault ? { fault } : {});
    const id = await api.create();
    api.clock.advance(elapsedMs);
    const response = await api.call('GET', `/videos/${id}/content`);
    expect([response.status, await response.json()]).toMatchObject([status, { error: { code } }]);
  });

  it('has no other variants', async () => {
    const { api, path } = await createFinished();
    const response = await api.call('GET', `${path}?variant=subtitles`);
    expect([response.status, await response.json()]).toMatchObject([
      400,
      { error: { param: 'variant', code: 'invalid_value', message: expect.stringContaining("'spritesheet'") } },
    ]);
  });
});

describe('a download with a fault', () => {
  it('json-as-mp4 sends an error as a video', async () => {
    const { api, path } = await createFinished({ fault: 'json-as-mp4' });
    const response = await api.call('GET', path);
    expect([response.status, response.headers.get('content-type')]).toEqual([200, 'video/mp4']);
    expect(await response.json()).toMatchObject({ error: { type: 'server_error' } });
  });

  it('cut-download breaks off halfway, and a resumed download completes', async () => {
    const { api, path } = await createFinished({ fault: 'cut-download' }, {});
    const healthy = createSimulatedApi({ stateDir: api.stateDir, clock: api.clock });
    const whole = await readBytes(await healthy.call('GET', path));

    const first = await api.call('GET', path);
    expect(first.headers.get('content-length')).toBe(String(whole.length));
    const cut = await readUntilBroken(first);
    expect(cut.error).toMatchObject({ name: 'ConnectionDropped', code: 'ECONNRESET' });
    expect(cut.bytes.length).toBe(Math.ceil(whole.length / 2));

    let received = cut.bytes;
    expect(whole.length - received.length).toBeGreaterThan(65_536);
    for (let resumptions = 0; received.length < whole.length; resumptions++) {
      expect(resumptions).toBeLessThan(20);
      const rest = await api.call('GET', path, { headers: { range: `bytes=${received.length}-` } });
      const announced = Number(rest.headers.get('content-length'));
      const { bytes, error } = await readUntilBroken(rest);
      expect([announced, error === null]).toEqual([whole.length - received.length, announced <= 65_536]);
      received = Buffer.concat([received, bytes]);
    }
    expect(received.equals(whole)).toBe(true);
  });
});
