import { describe, expect, it } from 'vitest';
import { decodeErrorBody, type ErrorBody } from '../../src/wire/error-body.ts';

describe('decodeErrorBody', () => {
  it.each<[string, string, Partial<ErrorBody>]>([
    [
      'OpenAI’s envelope',
      '{"error":{"message":"no","type":"invalid_request_error","param":"seconds","code":"invalid_value"}}',
      { message: 'no', type: 'invalid_request_error', param: 'seconds', code: 'invalid_value' },
    ],
    ['an envelope with a number for a code', '{"error":{"message":"no","code":400}}', { message: 'no', code: '400' }],
    ['an envelope without a message', '{"error":{"code":"quota"}}', { message: 'quota', code: 'quota' }],
    ['an envelope with nothing that is known', '{"error":{"why":[1]}}', { message: '{"why":[1]}' }],
    ['an error in a text', '{"error":"no"}', { message: 'no' }],
    ['a detail in a text', '{"detail":"Not Found"}', { message: 'Not Found' }],
    [
      'FastAPI’s list of details',
      '{"detail":[{"type":"missing","loc":["body","prompt"],"msg":"Field required"},{"msg":"and more"},"too"]}',
      { message: 'body.prompt: Field required; and more; too' },
    ],
    ['a detail in an object', '{"detail":{"message":"no"}}', { message: 'no' }],
    ['a message alone', '{"message":"no"}', { message: 'no' }],
    [
      'New API’s',
      '{"code":"task_not_exist","message":"task_not_exist","data":null}',
      { message: 'task_not_exist', code: 'task_not_exist' },
    ],
    [
      'problem+json',
      '{"type":"about:blank","title":"Bad Request","status":400,"detail":"seconds is a number"}',
      { message: 'seconds is a number', type: 'about:blank' },
    ],
    [
      'problem+json without a detail',
      '{"type":"about:blank","title":"Bad Request"}',
      { message: 'Bad Request', type: 'about:blank' },
    ],
    ['a failure', '{"status":"failure","message":"no"}', { message: 'no' }],
    ['JSON that says nothing', '{"a":1}', { message: '{"a":1}' }],
    ['a JSON text', '"no"', { message: 'no' }],
    ['a JSON list', '["no"]', { message: '["no"]' }],
    ['JSON’s null', 'null', { message: '' }],
    [
      'a page',
      '<!DOCTYPE html><html><head><title> 502 Bad Gateway </title></head></html>',
      { message: 'an HTML page: 502 Bad Gateway' },
    ],
    ['a page without a title', '\n<html><body>no</body></html>', { message: 'an HTML page' }],
    ['plain text', ' upstream connect error\n', { message: 'upstream connect error' }],
    ['nothing', '', { message: '' }],
  ])('reads %s', (_, body, expected) => {
    expect(decodeErrorBody(body)).toEqual({ code: null, type: null, param: null, ...expected });
  });

  it('keeps no more of a body than a person would read', () => {
    expect(decodeErrorBody('x'.repeat(1_000_000)).message).toHaveLength(2_000);
  });
});
