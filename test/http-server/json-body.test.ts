import { expect, it } from 'vitest';
import { readJson } from '../../src/http-server/json-body.ts';

it.each([
  ['{"a":[1,{"b":"}]]\\"{[,"}],"c":null}', { a: [1, { b: '}]]"{[,' }], c: null }],
  ['\ufeff{"bom":true}', { bom: true }],
  [JSON.stringify({ text: '[{,'.repeat(20_000) }), { text: '[{,'.repeat(20_000) }],
])('readJson reads %.40s', (text, value) => {
  expect(readJson(Buffer.from(text))).toEqual(value);
});

it.each([
  ['{', /not valid JSON/],
  ['', /not valid JSON/],
  ['{"a":"\\', /not valid JSON/],
  ['['.repeat(1_000_000), /nested more than 64 levels/],
  ['{"a":'.repeat(70) + 1 + '}'.repeat(70), /nested more than 64 levels/],
  [`[${'0,'.repeat(10_001)}0]`, /more than 10000 values/],
])('readJson refuses %.40s', (text, message) => {
  const refusal = { details: { status: 400, message: expect.stringMatching(message) } };
  expect(() => readJson(Buffer.from(text))).toThrow(expect.objectContaining(refusal));
});
