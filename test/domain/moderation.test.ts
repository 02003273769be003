import { describe, expect, it } from 'vitest';
import { isModeration, type RefusalWords } from '../../src/domain/moderation.ts';

const refusal = (fields: Partial<RefusalWords>): RefusalWords => ({
  status: 400,
  code: null,
  type: null,
  message: '',
  ...fields,
});

describe('moderation', () => {
  it.each<Partial<RefusalWords>>([
    { code: 'moderation_blocked' },
    { code: 'sentinel_block' },
    { code: 'video_unsafe' },
    { code: 'content_safety_violation' },
    { code: 'contentFilter' },
    { code: 'ResponsibleAIPolicyViolation' },
    { type: 'content_policy_violation' },
    { message: 'NSFW content detected' },
    { message: 'This request violates our usage policies.' },
    { message: 'Your prompt was flagged' },
    { message: 'rejected as a result of our safety system', status: 0 },
    { message: 'The image shows copyrighted characters' },
    { code: 'RAI_FILTERED' },
    { code: 'safety' },
    { message: 'depicts a public figure' },
    { status: 451 },
    { status: 429, code: 'content_policy_violation' },
  ])('is recognised in %o', (fields) => {
    expect(isModeration(refusal(fields))).toBe(true);
  });

  it.each<Partial<RefusalWords>>([
    { message: "Invalid value: '10'. Supported values are: '4', '8', and '12'." },
    { message: 'CUDA out of memory', status: 0 },
    { message: 'the moderation service is down', status: 503 },
    { message: 'rate limit of the content filter', status: 429 },
    { code: 'invalid_content_type', message: 'content type text/plain is not supported' },
  ])('is not suspected in %o', (fields) => {
    expect(isModeration(refusal(fields))).toBe(false);
  });
});
