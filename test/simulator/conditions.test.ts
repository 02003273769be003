import { describe, expect, it } from 'vitest';
import { type ConditionSettings, Conditions } from '../../src/simulator/conditions.ts';
import type { FaultName } from '../../src/simulator/faults.ts';
import { createSimulatedApi } from '../support/simulated-api.ts';

const CREATE = { name: 'create', id: '' } as const;

function createConditions(settings: Partial<ConditionSettings>, chance: () => number = () => 0): Conditions {
  return new Conditions(chance, settings);
}

function draw(conditions: Conditions, count: number): (FaultName | null)[] {
  return Array.from({ length: count }, () => conditions.faultFor(CREATE, null));
}

describe('Conditions', () => {
  it('applies a fault to the requested share of calls', () => {
    let turn = 0;
    const conditions = createConditions({ faults: { rate_limit_exceeded: 0.25 } }, () => (turn++ % 100) / 100);
    expect(draw(conditions, 100).filter(Boolean)).toHaveLength(25);
  });

  it('spares routes that a fault cannot affect', () => {
    const conditions = createConditions({ faults: { rate_limit_exceeded: 1 }, next: ['cut-download'] });
    expect(conditions.faultFor({ name: 'list', id: '' }, null)).toBeNull();
    expect(conditions.faultFor(CREATE, null)).toBe('rate_limit_exceeded');
    expect(conditions.faultFor({ name: 'content', id: 'video_1' }, null)).toBe('cut-download');
  });

  it('fails the same calls with the same seed, and again when the seed is reset', () => {
    const settings = { faults: { server_error: 0.5 }, seed: 7 };
    const [one, two] = [createConditions(settings), createConditions(settings)];
    const series = draw(one, 50);
    expect(draw(two, 50)).toEqual(series);
    expect(new Set(series).size).toBe(2);
    one.change({ seed: 7 });
    expect(draw(one, 50)).toEqual(series);
    one.change({ seed: 8 });
    expect(draw(one, 50)).not.toEqual(series);
  });

  it('remembers a limited number of polled jobs', () => {
    const conditions = createConditions({ faults: { 'poll-drop': 1 } });
    const poll = (id: number): unknown => conditions.faultFor({ name: 'retrieve', id: `video_${id}` }, null);
    expect([poll(0), poll(0), poll(0)]).toEqual([null, 'poll-drop', null]);
    for (let id = 1; id <= 10_000; id++) poll(id);
    expect(poll(0)).toBeNull();
  });

  it('uses each next fault for one call', () => {
    const conditions = createConditions({ next: ['server_error', 'insufficient_quota'] });
    expect(draw(conditions, 3)).toEqual(['server_error', 'insufficient_quota', null]);
    expect(conditions.settings.next).toEqual([]);
  });

  it('prefers the header of a call to everything else', () => {
    const conditions = createConditions({ faults: { server_error: 1 } });
    expect(conditions.faultFor(CREATE, 'insufficient-quota')).toBe('insufficient_quota');
    expect(conditions.faultFor(CREATE, 'none')).toBeNull();
    expect(conditions.faultFor(CREATE, 'poll-drop')).toBeNull();
    expect(() => conditions.faultFor(CREATE, 'no-such-fault')).toThrow(
      /^Unknown fault: 'no-such-fault'\. Known faults/,
    );
  });
});

describe('the simulator under conditions', () => {
  it('answers a call with the fault in its header', async () => {
    const api = createSimulatedApi();
    const call = { json: { prompt: 'a kite' }, headers: { 'x-sora-fault': 'insufficient_quota' } };
    expect((await api.call('POST', '/videos', call)).status).toBe(429);
    expect((await api.call('POST', '/videos', { json: { prompt: 'a kite' } })).status).toBe(200);
    const unknown = await api.call('GET', '/videos', { headers: { 'x-sora-fault': 'bad luck' } });
    expect(unknown.status).toBe(400);
    expect(await unknown.json()).toMatchObject({ error: { param: 'x-sora-fault', code: 'invalid_value' } });
  });

  it('keeps the fault of a job from its create', async () => {
    const conditions = createConditions({ next: ['moderation_blocked'] });
    const api = createSimulatedApi({ conditions });
    const [first, second] = [await api.create(), await api.create()];
    api.clock.advance(3_000);
    const statuses = [first, second].map((id) => api.simulator.look(id)?.video.status);
    expect(statuses).toEqual(['failed', 'completed']);
  });

  it('delays every reply', async () => {
    const api = createSimulatedApi({ conditions: createConditions({ latencyMs: 250 }) });
    const startedMs = api.clock.now();
    await api.call('GET', '/videos');
    await api.call('GET', '/models');
    expect(api.clock.now() - startedMs).toBe(500);
  });
});
