import { describe, expect, it } from 'vitest';
import type { JsonObject } from '../../src/domain/json.ts';
import type { JobStatus, VideoJob } from '../../src/domain/video.ts';
import { decodeJob, decodeStatus } from '../../src/wire/job.ts';

const FACTS = { requestId: 'req_1', pollAfterMs: 250 };

function decode(body: JsonObject): VideoJob {
  const job = decodeJob(body, FACTS);
  if (job === null) throw new Error('no job');
  return job;
}

describe('decodeStatus', () => {
  it.each<[JobStatus, readonly string[]]>([
    ['queued', ['queued', 'pending', 'submitted', 'not_start', 'throttled']],
    ['in_progress', ['in_progress', 'processing', 'running', 'generating', 'preprocessing']],
    ['completed', ['completed', 'succeeded', 'success', 'complete', 'done', 'finished', 'ready']],
    ['failed', ['failed', 'failure', 'fail', 'error', 'rejected', 'content_filtered', 'moderated', 'blocked']],
    ['cancelled', ['cancelled', 'canceled', 'deleted']],
    ['expired', ['expired']],
    ['unknown', ['UNKNOWN', 'paused', '', 'constructor', '__proto__']],
  ])('reads as %s: %j, in any case', (status, words) => {
    for (const word of words) {
      expect(decodeStatus(word)).toBe(status);
      expect(decodeStatus(` ${word.toUpperCase()} `)).toBe(status);
      expect(decodeStatus(word.replaceAll('_', '-'))).toBe(status);
    }
  });

  it('is unknown for a missing status', () => {
    expect(decodeStatus(null)).toBe('unknown');
  });
});

describe('decodeJob', () => {
  it('reads the whole Video object of OpenAI', () => {
    const job = decode({
      id: 'video_123',
      object: 'video',
      created_at: 1_763_053_953,
      status: 'completed',
      completed_at: 1_763_054_021,
      error: null,
      expires_at: 1_763_057_621,
      model: 'sora-2',
      progress: 100,
      prompt: 'aurora',
      remixed_from_video_id: 'video_122',
      seconds: '4',
      size: '1280x720',
    });
    expect(job).toEqual({
      id: 'video_123',
      status: 'completed',
      serverStatus: 'completed',
      progress: 100,
      model: 'sora-2',
      prompt: 'aurora',
      seconds: 4,
      size: '1280x720',
      createdAtMs: 1_763_053_953_000,
      completedAtMs: 1_763_054_021_000,
      expiresAtMs: 1_763_057_621_000,
      remixedFrom: 'video_122',
      error: null,
      actualMicros: null,
      content: null,
      requestId: 'req_1',
      pollAfterMs: 250,
    });
  });

  it('returns null for missing fields', () => {
    const { id, status, requestId, pollAfterMs, ...rest } = decode({ id: 'v', status: 'queued' });
    expect({ id, status, requestId, pollAfterMs }).toEqual({ id: 'v', status: 'queued', ...FACTS });
    expect(Object.entries(rest).filter(([name, value]) => value !== null && name !== 'serverStatus')).toEqual([]);
  });

  it.each<[string, JsonObject]>([
    ['id', { id: '7' }],
    ['id, as a number', { id: 7 }],
    ['task_id', { id: '', task_id: '7' }],
    ['request_id', { request_id: '7' }],
    ['video_id', { video_id: '7' }],
    ['job_id', { job_id: '7', request_id: 'of the call' }],
    ['video.id', { video: { id: '7', status: 'queued' } }],
    ['output.task_id', { request_id: 'of the call', output: { task_id: '7', task_status: 'PENDING' } }],
    ['detail.id', { detail: { id: '7', status: 'failed' } }],
    ['data[0].id', { data: [{ id: '7' }] }],
    ['data.id', { code: 'success', message: '', data: { id: '7' } }],
    ['data.task_id', { code: 'success', request_id: 'of the call', data: { task_id: '7' } }],
  ])('finds the id in %s', (_, body) => {
    expect(decode(body).id).toBe('7');
  });

  it.each(['.', '..', '\ud800'])('finds no job under %j, which no call can name', (id) => {
    expect(decodeJob({ id, status: 'queued' }, FACTS)).toBeNull();
  });

  it.each<[string, JsonObject]>([
    ['an error', { error: { message: 'no such thing' } }],
    ['FastAPI’s 200 of something else', { message: 'welcome' }],
    ['nothing', {}],
  ])('finds no job in %s, even when one was requested', (_, body) => {
    expect(decodeJob(body, FACTS)).toBeNull();
    expect(decodeJob(body, { ...FACTS, askedId: 'v' })).toBeNull();
  });

  it.each<[string, JsonObject]>([
    ['state', { state: 'Running' }],
    ['task_status', { status: '', task_status: 'PROCESSING' }],
    ['data.task_status', { code: 0, data: { task_status: 'processing' } }],
  ])('finds the status in %s', (_, body) => {
    expect(decodeJob(body, { ...FACTS, askedId: 'v' })?.status).toBe('in_progress');
  });

  it('uses the requested id when the body has none', () => {
    expect(decodeJob({ status: 'running' }, { ...FACTS, askedId: 'v' })).toMatchObject({
      id: 'v',
      status: 'in_progress',
    });
    expect(decodeJob({ data: { status: 'running' } }, { ...FACTS, askedId: 'v' })?.status).toBe('in_progress');
  });

  it.each([[undefined], [null], ['<html>'], [[]], [7]])('finds no job in %j', (value) => {
    expect(decodeJob(value, { ...FACTS, askedId: 'v' })).toBeNull();
  });

  it('unwraps a reply of New API, and ignores the status of the wrapper', () => {
    expect(
      decode({
        code: 'success',
        message: '',
        data: {
          task_id: 'task_x',
          status: 'SUCCESS',
          progress: '100%',
          result_url: 'https://cdn.example/v.mp4',
          fail_reason: '',
        },
      }),
    ).toMatchObject({
      id: 'task_x',
      status: 'completed',
      serverStatus: 'SUCCESS',
      progress: 100,
      content: { kind: 'url', url: 'https://cdn.example/v.mp4' },
      error: null,
    });
    expect(decode({ status: 'success', data: { id: 'v' } })).toMatchObject({ status: 'unknown', serverStatus: null });
  });

  it('keeps an unknown status word', () => {
    expect(decode({ id: 'v', status: 'Warming Up' })).toMatchObject({ status: 'unknown', serverStatus: 'Warming Up' });
  });

  it('treats a job without a status as completed only if it has a video', () => {
    expect(decode({ id: 'v', url: 'https://cdn.example/v.mp4' }).status).toBe('completed');
    expect(decode({ id: 'v' }).status).toBe('unknown');
    expect(decode({ id: 'v', status: 'running', url: 'https://cdn.example/v.mp4' }).status).toBe('in_progress');
  });

  it.each([
    [40, 40],
    [40.6, 41],
    ['40%', 40],
    ['100', 100],
    [140, 100],
    [-3, 0],
    ['soon', null],
    [null, null],
  ])('reads the progress %j as %j', (progress, expected) => {
    expect(decode({ id: 'v', progress }).progress).toBe(expected);
  });

  it.each([
    ['4', 4],
    [5, 5],
    ['5s', 5],
    ['4.5', 4.5],
    ['four', null],
  ])('reads the length %j, under either name', (seconds, expected) => {
    expect(decode({ id: 'v', seconds }).seconds).toBe(expected);
    expect(decode({ id: 'v', duration: seconds }).seconds).toBe(expected);
  });

  it.each([
    ['seconds', 1_763_053_953, 1_763_053_953_000],
    ['seconds as a string', '1763053953', 1_763_053_953_000],
    ['seconds with a fraction', 1_763_053_953.1234, 1_763_053_953_123],
    ['milliseconds', 1_763_053_953_000, 1_763_053_953_000],
    ['ISO 8601', '2025-11-13T17:12:33Z', 1_763_053_953_000],
    ['zero', 0, null],
    ['a negative number', -62_135_596_800, null],
    ['the year 9999 in seconds', 253_402_300_799, null],
    ['the year 9999 in milliseconds', 253_402_300_799_000, null],
    ['the year 9999 in ISO 8601', '9999-12-31T23:59:59Z', null],
    ['a word', 'yesterday', null],
    ['nothing', null, null],
  ])('reads a time in %s', (_, time, expected) => {
    expect(decode({ id: 'v', created: time, expires_at: time })).toMatchObject({
      createdAtMs: expected,
      expiresAtMs: expected,
    });
  });

  it.each<[string, JsonObject, VideoJob['error']]>([
    ['an object', { error: { code: 'x', message: 'y' } }, { code: 'x', message: 'y' }],
    ['an object with a code alone', { error: { code: 'x' } }, { code: 'x', message: 'x' }],
    ['an empty object', { error: {} }, null],
    ['a string', { error: 'out of memory' }, { code: null, message: 'out of memory' }],
    ['fail_reason', { error: null, fail_reason: 'no GPU' }, { code: null, message: 'no GPU' }],
    ['nothing', { error: null }, null],
  ])('reads the failure of a job from %s', (_, fields, error) => {
    expect(decode({ id: 'v', status: 'failed', ...fields }).error).toEqual(error);
  });

  it('ignores the error of a successful job', () => {
    expect(decode({ id: 'v', status: 'completed', error: { code: 'x', message: 'y' } }).error).toBeNull();
    expect(decode({ id: 'v', status: 'running', error: '' }).error).toBeNull();
  });

  it.each<[string, JsonObject]>([
    ['url', { url: 'u' }],
    ['video_url', { video_url: 'u' }],
    ['output_url', { output_url: 'u' }],
    ['result_url', { result_url: 'u' }],
    ['metadata.url', { metadata: { url: 'u' } }],
    ['meta_data.url', { meta_data: { url: 'u' } }],
    ['data[0].url', { data: [{ url: 'u', b64_json: 'AAAA' }] }],
    ['unsigned_urls[0]', { unsigned_urls: ['u', 'w'] }],
    ['urls[0]', { urls: ['u'] }],
    ['video.url', { video: { url: 'u' } }],
    ['output.url', { output: { url: 'u' } }],
    ['output[0].url', { output: [{ url: 'u' }] }],
    ['result.video.url', { result: { video: { url: 'u' } } }],
    ['content.video_url', { content: { video_url: 'u' } }],
    ['videos[0].url', { videos: [{ type: 'url', url: 'u' }] }],
    ['video_result[0].url', { video_result: [{ url: 'u' }] }],
    ['task_result.videos[0].url', { task_result: { videos: [{ url: 'u' }] } }],
  ])('finds the URL of the video in %s', (_, fields) => {
    expect(decode({ id: 'v', status: 'completed', ...fields }).content).toEqual({ kind: 'url', url: 'u' });
  });

  it('accepts a string as the URL only if it is one', () => {
    const url = 'https://cdn.example/v.mp4';
    expect(decode({ id: 'v', output: url }).content).toEqual({ kind: 'url', url });
    expect(decode({ id: 'v', output: [url] }).content).toEqual({ kind: 'url', url });
    expect(decode({ id: 'v', videos: [url] }).content).toEqual({ kind: 'url', url });
    expect(decode({ id: 'v', assets: { video: url } }).content).toEqual({ kind: 'url', url });
    expect(decode({ id: 'v', output: 'done' }).content).toBeNull();
  });

  it('finds the video itself in data[0].b64_json', () => {
    const job = decode({ id: 'v', status: 'completed', data: [{ b64_json: 'AAAA' }] });
    expect(job.content).toEqual({ kind: 'base64', base64: 'AAAA' });
  });

  it('finds the video itself in videos[0].base64', () => {
    const job = decode({ id: 'v', status: 'completed', videos: [{ type: 'base64', base64: 'AAAA' }] });
    expect(job.content).toEqual({ kind: 'base64', base64: 'AAAA' });
  });

  it.each([
    [0.4, 400_000],
    [0, 0],
    ['1.25', 1_250_000],
    [-1, null],
    [null, null],
  ])('reads the cost %j in micro-dollars', (cost, micros) => {
    expect(decode({ id: 'v', usage: { cost } }).actualMicros).toBe(micros);
  });
});
