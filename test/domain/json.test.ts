import { describe, expect, it } from 'vitest';
import { canonicalJson, parseExactJson, parseJson } from '../../src/domain/json.ts';

describe('canonicalJson', () => {
  it('is equal for equal values, in any order of keys', () => {
    const text = '{"a":[{"x":null,"y":1.5},true],"b":"ü\\n","ba":{}}';
    expect(canonicalJson({ ba: {}, b: 'ü\n', a: [{ y: 1.5, x: null }, true] })).toBe(text);
    expect(canonicalJson(parseJson(text) ?? null)).toBe(text);
  });

  it('differs when the order of a list differs', () => {
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });
});

it('parseJson distinguishes a JSON null from invalid JSON', () => {
  expect(parseJson('null')).toBeNull();
  expect(parseJson('<html>')).toBeUndefined();
  expect(parseJson('')).toBeUndefined();
});

it('parseExactJson keeps integers beyond the safe range, and changes nothing else', () => {
  const long = '1234567890123456789';
  expect(parseExactJson(`{"id":${long},"ids":[-${long}, 9007199254740991],"text":"\\"id\\":${long},"}`)).toEqual({
    id: long,
    ids: [`-${long}`, 9007199254740991],
    text: `"id":${long},`,
  });
  const others = '{"a":0.1234567890123456789,"b":1e-1234567890123456,"c":12345678901234567890.5,"d":"x"}';
  expect(parseExactJson(others)).toEqual(JSON.parse(others));
  expect(parseExactJson(`{"id":${long}`)).toBeUndefined();
});
