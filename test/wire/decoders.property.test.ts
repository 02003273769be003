import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { JOB_STATUSES } from '../../src/domain/video.ts';
import { decodeErrorBody } from '../../src/wire/error-body.ts';
import { decodeJob, decodeStatus } from '../../src/wire/job.ts';
import { decodeDeleted, decodePage } from '../../src/wire/videos.ts';

const FACTS = { requestId: null, pollAfterMs: null };
const RUNS = { numRuns: 300, seed: 20_261_123 };

const KEYS = [
  'id',
  'task_id',
  'request_id',
  'status',
  'progress',
  'seconds',
  'duration',
  'size',
  'created_at',
  'completed_at',
  'expires_at',
  'error',
  'detail',
  'message',
  'code',
  'data',
  'url',
  'urls',
  'video',
  'usage',
  'cost',
  'has_more',
  'last_id',
  'deleted',
];
const WORDS = ['completed', 'in_progress', 'SUCCESS', 'warming up', '100%', '4', '', '9999-12-31', '__proto__'];

/** Replies made of the keys and words that servers use, in places where they do not belong. */
const { reply } = fc.letrec<{ reply: JsonValue }>((tie) => ({
  reply: fc.oneof(
    { maxDepth: 4, depthSize: 'small' },
    fc.constantFrom(null, true, false, 0, -1, 1e300, 253_402_300_799, 1_763_053_953, 40.5, ...WORDS),
    fc.string(),
    fc.array(tie('reply'), { maxLength: 3 }),
    fc.dictionary(fc.constantFrom(...KEYS), tie('reply'), { maxKeys: 8 }),
  ),
}));

describe('the decoders, whatever a server replies', () => {
  it('find a job in its right form, with the status that the reply has a word for', () => {
    const check = (value: JsonValue): void => {
      const job = decodeJob(value, { ...FACTS, askedId: 'asked' });
      if (job === null) return;
      expect(job.id).not.toBe('');
      expect(JOB_STATUSES).toContain(job.status);
      if (job.serverStatus === null) expect(job.status).toBe(job.content === null ? 'unknown' : 'completed');
      else {
        expect(job.status).toBe(decodeStatus(job.serverStatus));
        expect(JSON.stringify(value)).toContain(JSON.stringify(job.serverStatus).slice(1, -1));
      }
      for (const number of [job.progress, job.seconds, job.createdAtMs, job.expiresAtMs, job.actualMicros]) {
        expect(number === null || Number.isFinite(number)).toBe(true);
      }
      expect(job.progress ?? 0).toBeGreaterThanOrEqual(0);
      expect(job.progress ?? 0).toBeLessThanOrEqual(100);
    };
    fc.assert(fc.property(reply, check), RUNS);
    fc.assert(fc.property(fc.dictionary(fc.constantFrom(...KEYS), reply), check), RUNS);
  });

  it('read a page, a removal and an error without a fault', () => {
    fc.assert(
      fc.property(reply, (value) => {
        for (const job of decodePage(value, FACTS)?.jobs ?? []) expect(job.id).not.toBe('');
        expect(typeof decodeDeleted(value)).toBe('boolean');
        expect(typeof decodeErrorBody(JSON.stringify(value)).message).toBe('string');
      }),
      RUNS,
    );
  });

  it('read an error from any text', () => {
    fc.assert(
      fc.property(fc.string(), (text) => {
        expect(decodeErrorBody(text).message.length).toBeLessThanOrEqual(2_000);
      }),
      RUNS,
    );
  });
});
