import { describe, expect, it } from 'vitest';
import { decodeErrorBody, type ErrorBody } from '../../src/wire/error-body.ts';

describe('decodeErrorBody', () => {
  it.each<[string, string, Partial<ErrorBody>]>([
    [
      'OpenAI’s envelope',
      '{"error":{"message":"no","type":"invalid_request_error","param":"seconds","code":"invalid_value"}}',
      { message: 'no', type: 'invalid_request_error', code: 'invalid_value' },
    ],
    ['an envelope with a number for a code', '{"error":{"message":"no","code":400}}', { message: 'no', code: '400' }],
    ['an envelope without a message', '{"error":{"code":"quota"}}', { message: 'quota', code: 'quota' }],
    ['an envelope with unknown fields', '{"error":{"why":[1]}}', { message: '{"why":[1]}' }],
    [
      'Azure’s inner error',
      '{"error":{"code":"BadRequest","message":"no","innererror":{"code":"ResponsibleAIPolicyViolation"}}}',
      { message: 'no', code: 'BadRequest', type: 'ResponsibleAIPolicyViolation' },
    ],
    ['an error as a string', '{"error":"no"}', { message: 'no' }],
    ['a detail as a string', '{"detail":"Not Found"}', { message: 'Not Found' }],
    [
      'FastAPI’s list of details',
      '{"detail":[{"type":"missing","loc":["body","prompt"],"msg":"Field required"},{"msg":"and more"},"too"]}',
      { message: 'body.prompt: Field required; and more; too' },
    ],
    ['a detail as an object', '{"detail":{"message":"no"}}', { message: 'no' }],
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
    [
      'an error of the server behind a proxy, in its message',
      JSON.stringify({
        error: {
          message: `litellm.BadRequestError: OpenAIException - ${JSON.stringify({ error: { message: 'bad size', type: 'invalid_request_error', param: 'size', code: 'invalid_value' } })}`,
          type: 'None',
          param: null,
          code: '400',
        },
      }),
      { message: 'bad size', type: 'invalid_request_error', code: 'invalid_value' },
    ],
    [
      'the same in Python notation',
      JSON.stringify({
        detail: `Error code: 404 - {'error': {'message': "The model 'x' does not exist", 'code': 'model_not_found', 'param': None}}`,
      }),
      { message: "The model 'x' does not exist", code: 'model_not_found' },
    ],
    ['a message with braces of its own', '{"message":"use {name}"}', { message: 'use {name}' }],
    [
      'the fields that Prism refuses',
      '{"title":"Invalid request body","status":422,"validation":[{"location":["body","seconds"],"message":"must be string"},{"location":["body"],"message":"prompt is required"}]}',
      { message: 'Invalid request body (body.seconds: must be string; body: prompt is required)' },
    ],
    [
      'the fields that Steady refuses',
      '{"error":"Validation failed","steady":{"valid":false,"errors":[{"path":"body.seconds","message":"expected string"}]}}',
      { message: 'Validation failed (body.seconds: expected string)' },
    ],
    [
      'the fields inside OpenAI’s envelope',
      '{"error":{"message":"Bad input","code":"bad","details":[{"field":"size","message":"odd"},"and more"]}}',
      { message: 'Bad input (size: odd; and more)', code: 'bad' },
    ],
    [
      'the fields of a problem document',
      '{"title":"Invalid","invalid_params":[{"name":"size","reason":"is odd"}]}',
      { message: 'Invalid (size: is odd)' },
    ],
    ['details that are not a list', '{"error":{"message":"no","details":{"code":7}}}', { message: 'no' }],
    [
      'messages by field',
      '{"title":"One or more validation errors occurred.","errors":{"seconds":["is too long","is odd"]}}',
      { message: 'One or more validation errors occurred. (seconds: is too long, is odd)' },
    ],
    ['JSON without known fields', '{"a":1}', { message: '{"a":1}' }],
    ['a JSON string', '"no"', { message: 'no' }],
    ['a JSON list', '["no"]', { message: '["no"]' }],
    ['JSON’s null', 'null', { message: '' }],
    [
      'a page',
      '<!DOCTYPE html><html><head><title> 502 Bad Gateway </title></head></html>',
      { message: 'an HTML page: 502 Bad Gateway' },
    ],
    ['an HTML page without a title', '\n<html><body>no</body></html>', { message: 'an HTML page' }],
    ['plain text', ' upstream connect error\n', { message: 'upstream connect error' }],
    ['nothing', '', { message: '' }],
  ])('reads %s', (_, body, expected) => {
    expect(decodeErrorBody(body)).toEqual({ code: null, type: null, ...expected });
  });

  it('limits the length of a message', () => {
    expect(decodeErrorBody('x'.repeat(1_000_000)).message).toHaveLength(2_000);
  });
});
