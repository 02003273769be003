import { describe, expect, it } from 'vitest';
import { canonicalJson, parseJson } from '../../src/domain/json.ts';

describe('canonicalJson', () => {
  it('is the same for the same value in any order of its keys, at any depth', () => {
    const text = '{"a":[{"x":null,"y":1.5},true],"b":"ü\\n","ba":{}}';
    expect(canonicalJson({ ba: {}, b: 'ü\n', a: [{ y: 1.5, x: null }, true] })).toBe(text);
    expect(canonicalJson(parseJson(text) ?? null)).toBe(text);
  });

  it('differs where the order means something', () => {
    expect(canonicalJson([1, 2])).not.toBe(canonicalJson([2, 1]));
  });
});

it('parseJson tells JSON’s null from no JSON', () => {
  expect(parseJson('null')).toBeNull();
  expect(parseJson('<html>')).toBeUndefined();
  expect(parseJson('')).toBeUndefined();
});
