import { describe, expect, it } from 'vitest';
import { CreatePace, parseRate } from '../../src/batch/create-pace.ts';
import { SoraError } from '../../src/domain/errors.ts';
import { createFakeClock, type FakeClock } from '../support/fake-clock.ts';

interface Traffic {
  readonly clock: FakeClock;
  readonly pace: CreatePace;
  /** Requests `count` creates at once; returns when each may start, in milliseconds from now. */
  turns(count: number): Promise<number[]>;
}

function setUp(intervalMs = 0): Traffic {
  const clock = createFakeClock();
  const pace = new CreatePace({ clock, random: () => 0, intervalMs });
  return {
    clock,
    pace,
    turns(count) {
      const startMs = clock.now();
      return Promise.all(Array.from({ length: count }, () => pace.turn(3_600_000).then(() => clock.now() - startMs)));
    },
  };
}

const busy = (retryAfterMs: number | null = null): SoraError => new SoraError('rate_limit_exceeded', { retryAfterMs });

describe('CreatePace', () => {
  it('starts creates at once when no rate is set', async () => {
    expect(await setUp().turns(3)).toEqual([0, 0, 0]);
  });

  it('starts creates no faster than the rate', async () => {
    const { turns } = setUp(2_000);
    expect(await turns(3)).toEqual([0, 2_000, 4_000]);
    expect(await turns(2)).toEqual([2_000, 4_000]);
  });

  it('keep the rate when the wall clock is set back', async () => {
    const { clock, turns } = setUp(2_000);
    await turns(1);
    clock.adjust(-3_600_000);
    expect(await turns(2)).toEqual([2_000, 4_000]);
  });

  it('pauses all creates as long as the server asks, then starts them one by one', async () => {
    const { pace, turns } = setUp();
    expect(pace.refused(busy(30_000))).toBe(30_000);
    expect(await turns(3)).toEqual([30_000, 30_100, 30_200]);
  });

  it('doubles the pause after each refusal, up to a minute, and resets it after an acceptance', async () => {
    const { pace, turns } = setUp();
    const pauses: number[] = [];
    for (let refusals = 0; refusals < 8; refusals++) {
      pauses.push(pace.refused(busy()));
      await turns(1);
    }
    expect(pauses).toEqual([1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000, 60_000]);
    pace.accepted();
    expect(pace.refused(busy())).toBe(1_000);
  });

  it('counts refusals of concurrent creates as one', async () => {
    const { pace, turns } = setUp();
    const pauses = [busy(), busy(), busy()].map((refusal) => pace.refused(refusal));
    expect(pauses).toEqual([1_000, 1_000, 1_000]);
    await turns(1);
    expect(pace.refused(busy())).toBe(2_000);
  });

  it('spaces creates further apart while they are refused, and closer again once they are accepted', async () => {
    const { pace, turns } = setUp();
    for (let refusals = 0; refusals < 3; refusals++) {
      pace.refused(busy(1_000));
      await turns(1);
    }
    expect(await turns(2)).toEqual([400, 800]);
    pace.accepted();
    await turns(1);
    expect(await turns(2)).toEqual([200, 400]);
    pace.accepted();
    pace.accepted();
    await turns(1);
    expect(await turns(3)).toEqual([0, 0, 0]);
  });

  it('never exceeds the rate, whatever is refused or accepted', async () => {
    const { pace, turns } = setUp(20_000);
    pace.refused(busy(1_000));
    await turns(1);
    expect(await turns(2)).toEqual([20_000, 40_000]);
    for (let taken = 0; taken < 5; taken++) pace.accepted();
    expect(await turns(2)).toEqual([20_000, 40_000]);
  });

  it('gives up when the server keeps a create waiting for longer than allowed, but not because of the rate', async () => {
    const { clock, pace, turns } = setUp(10_000);
    await turns(1);
    expect(await pace.turn(2_000)).toBe(true);
    pace.refused(busy(3_600_000));
    const startMs = clock.now();
    expect(await pace.turn(2_000)).toBe(false);
    expect(clock.now() - startMs).toBe(2_000);
  });

  it('does not give up while other creates are accepted', async () => {
    const { pace } = setUp(1_500);
    pace.refused(busy(1_000));
    const create = async (): Promise<boolean> => {
      const isTurn = await pace.turn(2_000);
      if (isTurn) pace.accepted();
      return isTurn;
    };
    expect(await Promise.all([create(), create(), create(), create()])).toEqual([true, true, true, true]);
  });

  it('stops waiting when it is aborted', async () => {
    const { pace } = setUp();
    pace.refused(busy(60_000));
    const halt = new AbortController();
    const waiting = pace.turn(3_600_000, halt.signal);
    halt.abort(new Error('enough'));
    await expect(waiting).rejects.toThrow('enough');
  });
});

describe('parseRate', () => {
  it.each([
    ['2/s', 500],
    ['30/m', 2_000],
    [' 500/h ', 7_200],
    ['1/h', 3_600_000],
    ['30/min', 2_000],
    ['24/d', 3_600_000],
  ])('reads %s as a create every %i ms', (text, intervalMs) => {
    expect(parseRate(text)).toBe(intervalMs);
  });

  it.each(['', '30', '0/m', '-1/m', '1.5/s', '30/x', '30/ms', '30/2m', 'm/30'])('rejects %j', (text) => {
    expect(parseRate(text)).toBeUndefined();
  });
});
