import { describe, expect, it } from 'vitest';
import { serviceEnd } from '../../src/domain/service-end.ts';

const OPENAI = 'https://api.openai.com/v1';
const AZURE = 'https://lab.openai.azure.com/openai/v1';

describe('serviceEnd', () => {
  it.each([
    [OPENAI, '2026-03-23', null],
    [OPENAI, '2026-03-24', [false, 'OpenAI will shut down its Videos API on 2026-09-24 and announced no replacement']],
    [OPENAI, '2026-09-24', [true, 'OpenAI shut down its Videos API on 2026-09-24 and announced no replacement']],
    [AZURE, '2026-07-14', [false, 'Azure’s retirement dates for sora-2 are 2026-07-15 and 2026-09-15']],
    [AZURE, '2026-07-15', [false, 'Azure’s retirement dates for sora-2 are 2026-07-15 (passed) and 2026-09-15']],
    [
      AZURE,
      '2026-09-15',
      [true, 'Azure’s retirement dates for sora-2 are 2026-07-15 (passed) and 2026-09-15 (passed)'],
    ],
    ['http://127.0.0.1:8000/v1', '2026-09-24', null],
  ])('of %s on %s is reported correctly', (url, day, expected) => {
    const end = serviceEnd(url, Date.parse(day));
    expect(end && [end.isPast, end.words]).toEqual(expected);
  });
});
