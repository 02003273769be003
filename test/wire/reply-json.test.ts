import { describe, expect, it } from 'vitest';
import { parseReplyJson } from '../../src/wire/reply-json.ts';

describe('parseReplyJson', () => {
  it.each<[string, string, unknown]>([
    ['plain JSON', '{"id":"a"}', { id: 'a' }],
    [
      'NaN and Infinity',
      '{"progress":NaN,"eta":-Infinity,"prompt":"NaN \\" NaN"}',
      { progress: null, eta: null, prompt: 'NaN " NaN' },
    ],
    [
      'two documents',
      '{"id":"a","status":"queued"}\n{"id":"a","status":"completed"}',
      { id: 'a', status: 'completed' },
    ],
    ['server-sent events', 'event: job\ndata: {"id":"a"}\n\ndata: {"id":"b"}\n\ndata: [DONE]\n', { id: 'b' }],
    ['an event of several lines', 'data: {"id":"a",\r\ndata: "n":1}\r\n\r\n: ping\r\n\r\n', { id: 'a', n: 1 }],
    [
      '`undefined` and trailing commas',
      '{"id":"a, }","n":undefined,"list":[1, ],}',
      { id: 'a, }', n: null, list: [1] },
    ],
    ['a document encoded twice', '"{\\"id\\":\\"a\\"}"', { id: 'a' }],
    ['an HTML page', '<html>{"id":"a"}</html>', undefined],
    ['half a document', '{"id":"a"', undefined],
    ['closing brackets alone', '{"id":"a"}}', undefined],
    ['nothing', '', undefined],
  ])('reads %s', (_, text, value) => {
    expect(parseReplyJson(text)).toEqual(value);
  });

  it('finishes on hostile text that would take hours in quadratic time', () => {
    expect(parseReplyJson(`{"a":"${'\\"'.repeat(1_000_000)}`)).toBeUndefined();
    expect(parseReplyJson('['.repeat(1_000_000))).toBeUndefined();
  });
});
