import { describe, expect, it } from 'vitest';
import { looksWhole, shortId } from '../../src/domain/short-id.ts';

describe('shortId', () => {
  it.each<[string, readonly string[], string]>([
    ['video_68b1e0c4d2', [], 'c4d2'.padStart(6, 'e0')],
    ['video_68b1e0c4d2', ['video_77b1e0c4d2'], '8b1e0c4d2'],
    ['video_1', ['video_2', '1'], 'video_1'],
    ['task_abcdef0123:openai', ['task_abcdef9923:openai'], '123:openai'],
    ['video_aaaaaaaa-bcde-12345', ['another-12345'], 'e-12345'],
    ['aaaaaaaaaaaaaaaaaaaa', ['aaaaaaaaaaaaaaaaaaaaaaaaa'], 'aaaaaaaaaaaaaaaaaaaa'],
  ])('shortens %s beside %j to %s', (id, others, expected) => {
    expect(shortId(id, [id, ...others])).toBe(expected);
  });

  it.each([
    ['c4d2', false],
    ['elsewhere', false],
    ['7', true],
    ['video_nope', true],
    ['0b5c1f7e9a8d4c3b2a1f', true],
  ])('looksWhole(%s) is %s', (text, expected) => {
    expect(looksWhole(text)).toBe(expected);
  });
});
