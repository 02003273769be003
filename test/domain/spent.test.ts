import { describe, expect, it } from 'vitest';
import { ABANDONED, applyEvent, type JobRecord, type LedgerEvent } from '../../src/domain/record.ts';
import { chargeOf, Spent } from '../../src/domain/spent.ts';
import { AT_MS, accepted, intent, seen } from '../store/ledger-events.ts';

const KEY = 'sub_1';
const ESTIMATE = 400_000;

function fold(first: LedgerEvent, ...events: readonly LedgerEvent[]): JobRecord {
  const record = [first, ...events].reduce<JobRecord | undefined>(applyEvent, undefined);
  if (record === undefined) throw new Error('no record');
  return record;
}

const taken = accepted(KEY, 'video_1');
const ended = (facts: Parameters<typeof seen>[2]): LedgerEvent => seen(KEY, 'video_1', facts);
const rejected: LedgerEvent = { event: 'rejected', key: KEY, atMs: AT_MS, code: 'moderation_blocked', message: 'no' };
const lost: LedgerEvent = { event: 'unknown', key: KEY, atMs: AT_MS, code: null, message: 'the connection broke' };
const abandoned: LedgerEvent = { event: 'rejected', key: KEY, atMs: AT_MS, code: ABANDONED, message: 'given up' };
const removed: LedgerEvent = { event: 'removed', key: KEY, atMs: AT_MS };
const error = { code: 'processing_error', message: 'the renderer crashed' };
const moderation = { code: 'moderation_blocked', message: 'Your request was blocked by our moderation system.' };

const estimated = { kind: 'estimated', micros: ESTIMATE };
const unknown = (doubt: string, estimatedMicros: number | null = ESTIMATE) => ({
  kind: 'unknown',
  doubt,
  estimatedMicros,
});

describe('the cost of a submission', () => {
  it.each<[string, JobRecord, object]>([
    ['of the simulator is zero', fold(intent(KEY, { free: true }), taken), { kind: 'free' }],
    ['that was refused, even by moderation, is zero', fold(intent(KEY), rejected), { kind: 'nothing' }],
    ['that is running is its estimate', fold(intent(KEY), taken), estimated],
    ['that is completed is its estimate', fold(intent(KEY), taken, ended({ status: 'completed' })), estimated],
    [
      'that is completed and deleted is its estimate',
      fold(intent(KEY), taken, ended({ status: 'completed' }), removed),
      estimated,
    ],
    [
      'whose price the server reported is that price, whatever its status',
      fold(intent(KEY), taken, ended({ status: 'failed', error, actualMicros: 0 })),
      { kind: 'actual', micros: 0 },
    ],
    [
      'that is still running is its estimate when the server reports zero',
      fold(intent(KEY), taken, ended({ status: 'queued', actualMicros: 0 })),
      estimated,
    ],
    [
      'that is still running is what the server reports if that is more',
      fold(intent(KEY), taken, ended({ status: 'in_progress', actualMicros: 900_000 })),
      { kind: 'estimated', micros: 900_000 },
    ],
    ['that failed is unknown', fold(intent(KEY), taken, ended({ status: 'failed', error })), unknown('failed')],
    [
      'that moderation blocked is unknown',
      fold(intent(KEY), taken, ended({ status: 'failed', error: moderation })),
      unknown('moderation_blocked'),
    ],
    ['that was cancelled is unknown', fold(intent(KEY), taken, ended({ status: 'cancelled' })), unknown('cancelled')],
    ['that was deleted while running is unknown', fold(intent(KEY), taken, removed), unknown('cancelled')],
    ['that expired unfinished is unknown', fold(intent(KEY), taken, ended({ status: 'expired' })), unknown('expired')],
    [
      'whose video has expired is its estimate',
      fold(intent(KEY), taken, ended({ status: 'expired', completedAtMs: AT_MS })),
      estimated,
    ],
    ['whose reply was lost is unknown', fold(intent(KEY), lost), unknown('outcome_unknown')],
    ['that was abandoned in doubt is unknown', fold(intent(KEY), lost, abandoned), unknown('outcome_unknown')],
    ['without a reply yet is unknown', fold(intent(KEY)), unknown('outcome_unknown')],
    [
      'of a model without a price is unknown',
      fold(intent(KEY, { estimatedMicros: null }), taken),
      unknown('no_price', null),
    ],
    [
      'that failed without a known price is unknown',
      fold(intent(KEY, { estimatedMicros: null }), taken, ended({ status: 'failed', error })),
      unknown('failed', null),
    ],
  ])('%s', (_, record, charge) => {
    expect(chargeOf(record)).toEqual(charge);
  });
});

describe('a sum of charges', () => {
  it('separates reported, estimated and unknown amounts', () => {
    const spent = new Spent();
    spent.add({ kind: 'actual', micros: 730_000 });
    spent.add({ kind: 'estimated', micros: 400_000 });
    spent.add({ kind: 'estimated', micros: 400_000 });
    spent.add({ kind: 'unknown', doubt: 'failed', estimatedMicros: 100_000 });
    spent.add({ kind: 'unknown', doubt: 'failed', estimatedMicros: 200_000 });
    spent.add({ kind: 'nothing' });
    spent.add({ kind: 'free' });
    expect(spent).toMatchObject({
      jobs: 5,
      refused: 1,
      simulated: 1,
      actualMicros: 730_000,
      estimatedMicros: 800_000,
      spentMicros: 1_530_000,
      doubtfulJobs: 2,
      doubtfulMicros: 300_000,
      mostMicros: 1_830_000,
    });
  });

  it('is unknown, not zero, when no price is known', () => {
    const spent = new Spent();
    spent.add({ kind: 'unknown', doubt: 'failed', estimatedMicros: 100_000 });
    spent.add({ kind: 'unknown', doubt: 'no_price', estimatedMicros: null });
    expect(spent).toMatchObject({ spentMicros: null, estimatedMicros: null, actualMicros: null, doubtfulMicros: null });
  });

  it('is zero without jobs', () => {
    expect(new Spent().spentMicros).toBe(0);
  });
});
