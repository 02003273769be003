import { expect, it } from 'vitest';
import { idForms } from '../../src/domain/id-forms.ts';

const wrapped = (model: string, id: string): string =>
  `video_${Buffer.from(`litellm:custom_llm_provider:openai;model_id:${model};video_id:${id}`).toString('base64')}`;

it.each([
  ['wrapped in base64 with other facts', wrapped('sora-2', 'video_123456'), wrapped('', 'video_123456')],
  ['wrapped and bare', wrapped('sora-2', 'video_123456'), 'video_123456'],
  ['with and without its provider', '0a1b2c3d4e5f:openai', '0a1b2c3d4e5f'],
  ['with and without escapes', 'a%2Fb%3D', 'a/b='],
])('one id is recognised in two forms: %s', (_, one, other) => {
  expect(idForms(one).some((form) => idForms(other).includes(form))).toBe(true);
});

it.each([
  ['other jobs', wrapped('sora-2', 'video_1'), wrapped('sora-2', 'video_2')],
  ['plain ids', 'video_68d7512d07848190b3e45da0ecbebcde', 'video_68d7512d07848190b3e45da0ecbebcdf'],
  ['what only looks escaped', '100%', '100'],
])('different ids are kept apart: %s', (_, one, other) => {
  expect(idForms(one).some((form) => idForms(other).includes(form))).toBe(false);
});
