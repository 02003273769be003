import { describe, expect, it } from 'vitest';
import { decodeLine, encodeEvent } from '../../src/store/ledger-line.ts';
import { AT_MS, accepted, facts, intent } from './ledger-events.ts';

describe('a line', () => {
  it.each([
    ['not JSON', '{"event":', 'not a JSON object'],
    ['an array', '[1]', 'not a JSON object'],
    ['no event', '{"key":"k"}', '`event` is not a string'],
    ['a key of another type', { ...intent('k'), key: 1 }, '`key` is not a string'],
    ['an impossible time', { ...intent('k'), atMs: 9e15 }, '`atMs` is not a time'],
    ['a fractional price', { ...intent('k'), estimatedMicros: 0.5 }, '`estimatedMicros` is not an integer'],
    [
      'a price too large for JSON',
      JSON.stringify(intent('k')).replace('400000', '1e999'),
      '`estimatedMicros` is not an integer',
    ],
    ['a flag that is a string', { ...intent('k'), free: 'no' }, '`free` is not true or false'],
    ['no request', { ...intent('k'), request: null }, '`request` is not an object'],
    [
      'no prompt',
      { ...intent('k'), request: { ...intent('k').request, prompt: null } },
      '`request.prompt` is not a string',
    ],
    [
      'characters that are not strings',
      { ...intent('k'), request: { ...intent('k').request, characters: [1] } },
      '`request.characters` is not a list of strings',
    ],
    ['a job without id', { ...accepted('k', 'v'), job: { status: 'queued' } }, '`job.id` is not a string'],
    [
      'a failure without a message',
      { ...accepted('k', 'v'), job: { ...facts('v'), error: {} } },
      '`job.error.message` is not a string',
    ],
    [
      'a file of an unknown kind',
      { event: 'saved', key: 'k', atMs: 1, file: { variant: 'gif' } },
      '`file.variant` is not one of video, thumbnail, spritesheet',
    ],
  ])('with %s is unreadable', (_, line, reason) => {
    const text = typeof line === 'string' ? line : JSON.stringify(line);
    expect(decodeLine(text)).toEqual({ kind: 'unreadable', reason });
  });

  it.each([
    ['blank', '  \r'],
    ['of a newer version', encodeEvent({ event: 'archived', key: 'k', atMs: AT_MS, where: 'moon' } as never)],
    ['torn, and closed by the next append', '{"event":"accepted","key":"sub_1","at #torn'],
  ])('that is %s is skipped', (_, text) => {
    expect(decodeLine(text)).toEqual({ kind: 'skipped' });
  });

  it('has a checksum that detects any flipped bit', () => {
    const text = encodeEvent(accepted('sub_1', 'video_1'));
    const bytes = Buffer.from(text);
    for (let at = 0; at < bytes.length - 18; at++) {
      const flipped = Buffer.from(bytes);
      flipped[at] = (bytes[at] ?? 0) ^ (1 << (at % 8));
      expect(decodeLine(flipped.toString()).kind).toBe('unreadable');
    }
  });

  it('with an unknown event and without a checksum is unreadable', () => {
    expect(decodeLine('{"event":"intenu","key":"k","atMs":1}')).toMatchObject({ kind: 'unreadable' });
  });

  it.each([
    ['complete except for its newline', `${encodeEvent(accepted('k', 'v'))} #torn`, 'accepted'],
    ['complete, with a damaged newline', `${encodeEvent(accepted('k', 'v'))}\u000b #torn`, 'accepted'],
    ['the start of `sending`', '{"event":"sending","key":"k","at #torn', 'sending'],
  ])('that was torn and is %s is read', (_, text, event) => {
    expect(decodeLine(text)).toMatchObject({ kind: 'event', event: { event, key: 'k' } });
  });

  it.each([
    ['zeros', `${'\0'.repeat(9)} #torn`],
    ['`sending` without its key', '{"event":"sending","key":"k #torn'],
  ])('that was torn and is %s is damage', (_, text) => {
    expect(decodeLine(text)).toMatchObject({ kind: 'unreadable' });
  });

  it('of an older version has null for missing fields', () => {
    const text = JSON.stringify({ event: 'seen', key: 'k', atMs: AT_MS, job: { id: 'v', status: 'completed' } });
    expect(decodeLine(text)).toMatchObject({
      kind: 'event',
      event: { job: { id: 'v', status: 'completed', error: null, actualMicros: null, createdAtMs: null } },
    });
  });

  it('with a status of a newer version keeps the job as unknown', () => {
    const text = JSON.stringify({ ...accepted('k', 'v'), job: { ...facts('v'), status: 'paused' } });
    expect(decodeLine(text)).toMatchObject({ kind: 'event', event: { job: { id: 'v', status: 'unknown' } } });
  });
});
