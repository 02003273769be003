import { describe, expect, it } from 'vitest';
import { expandTemplate, placeTemplate, templateFaults } from '../../src/jobs/name-template.ts';

const VIDEO = {
  id: 'video_0123456789abcdef',
  prompt: 'A paper boat!',
  model: 'acme/sora:2',
  seconds: 4,
  size: '1280x720',
  createdAtMs: Date.UTC(2026, 10, 27),
};
const FILM = { variant: 'video', extension: 'mp4' } as const;

describe('a name template', () => {
  it.each([
    ['{row:03}-{slug}.{ext}', '007-a-paper-boat.mp4'],
    ['{row}-{n:2}.mp4', '7-02.mp4'],
    ['{id}', 'video_0123456789abcdef'],
    ['{id:8}', '89abcdef'],
    ['{slug:7}', 'a-paper'],
    ['{slug:8}', 'a-paper'],
    ['{model}/{size}/{seconds:02}s', 'acme-sora-2/1280x720/04s'],
    ['{date}-{variant}', '2026-11-27-video'],
    ['{{slug}}-{{{slug:1}}}', '{slug}-{a}'],
  ])('%s expands to %s', (template, name) => {
    expect(templateFaults(template, ['row', 'n'])).toEqual([]);
    expect(expandTemplate(placeTemplate(template, { row: 7, n: 2 }), VIDEO, FILM)).toEqual({ name, empty: [] });
  });

  it.each([
    ['नमस्ते दुनिया', 'नमस्ते-दुनिया'],
    ['❤\ufe0f a boat, 1\ufe0f\u20e3', 'a-boat-1'],
    ['a\u200bb e\ufe0f', 'a-b-e'],
    ['เรือกระดาษ', 'เรือกระดาษ'],
    ['İstanbul', 'i\u0307stanbul'],
    ['Cafe\u0301!', 'café'],
  ])('keeps the letters of %s whole', (prompt, name) => {
    expect(expandTemplate('{slug}', { ...VIDEO, prompt }, FILM).name).toBe(name);
  });

  it.each([
    ['{nope}', /`\{nope\}` is not a field; the fields are row, n, id/],
    ['{Slug}', /`\{Slug\}` is not a field/],
    ['{slug', /`\{` is not part of a field; write `\{\{`/],
    ['slug}', /`\}` is not part of a field/],
    ['{slug:}', /not part of a field/],
    ['{slug:0}', /width/],
    ['{slug:999}', /width/],
    ['{row}', /only known in a batch/],
    ['{n}', /only known with `--count`/],
  ])('%s is an error', (template, message) => {
    expect(templateFaults(template, []).join()).toMatch(message);
  });

  it('never leaves its folder, whatever the model or id', () => {
    const video = { ...VIDEO, id: '../../x', model: '../..' };
    const { name } = expandTemplate('{model}/{id}', video, FILM);
    expect(name).toMatch(/^-\.-\.\.\/[0-9a-f]{8}$|^[^/]*\/[0-9a-f]{8}$/);
    expect(name.split('/')).not.toContain('..');
  });

  it('reports empty fields', () => {
    expect(expandTemplate('{model}-{seconds}.mp4', { id: 'a', prompt: null }, FILM).empty).toEqual([
      '{model}',
      '{seconds}',
    ]);
  });
});
