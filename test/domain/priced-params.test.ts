import { describe, expect, it } from 'vitest';
import type { JsonValue } from '../../src/domain/json.ts';
import { estimate, pricesWith } from '../../src/domain/pricing.ts';

const PRICES = pricesWith(
  [
    { name: 'wan', microsPerSecond: 100_000 },
    { name: 'free', microsPerSecond: 0 },
  ],
  { priceList: 'profile lab', source: 'settings' },
);
const dollarsOf = (params: Readonly<Record<string, JsonValue>>, model = 'wan'): number | undefined => {
  const price = estimate({ model, size: null, seconds: 10, params }, 0, PRICES);
  return price === null ? undefined : price.micros / 1_000_000;
};

describe('the price of a create with parameters', () => {
  it.each<[Record<string, JsonValue>, number]>([
    [{}, 1],
    [{ seed: 7, steps: 50, negative_prompt: 'n', lora: { scale: 0.5 } }, 1],
    [{ generate_audio: false, style: 'calm', watermark: true, take: 1, cfg_scale: 7 }, 1],
    [{ n: 1 }, 1],
    [{ n: 10 }, 10],
    [{ n: '10' }, 10],
    [{ num_outputs: 3 }, 3],
    [{ num_videos: 3 }, 3],
    [{ batch_size: 3 }, 3],
    [{ num_images_per_prompt: 3 }, 3],
    [{ num_videos_per_prompt: 3 }, 3],
    [{ count: 3 }, 3],
    [{ samples: 3 }, 3],
    [{ n_variants: 3 }, 3],
    [{ numberOfVideos: 3 }, 3],
    [{ 'Num-Outputs': 3 }, 3],
    [{ n: 2, batch_size: 3 }, 6],
    [{ prompts: ['a', 'b'] }, 2],
    [{ metadata: { n: 2 } }, 2],
    [{ extra_body: { requests: [{ sampleCount: 4 }] } }, 4],
  ])('%j counts every video that the server may make', (params, dollars) => {
    expect(dollarsOf(params)).toBe(dollars);
  });

  it.each<Record<string, JsonValue>>([
    { fps: 60 },
    { service_tier: 'priority' },
    { metadata: { generate_audio: true } },
    { takes: 4 },
    { takes: '4' },
    { n: 'many' },
    { n: 0 },
    { n: -1 },
    { n: 1.5 },
    { n: [2, 2] },
    { n: 1e9 },
    { duration: 20 },
    { num_frames: 481 },
    { metadata: { seconds: 20 } },
    { width: 1920 },
    { model: 'another' },
    { extra_body: { model_name: 'another' } },
  ])('%j makes the price unknown, never lower', (params) => {
    expect(dollarsOf(params)).toBeUndefined();
  });

  it('stays zero for a free model, unless another model is chosen', () => {
    expect(dollarsOf({ n: 10, num_frames: 481 }, 'free')).toBe(0);
    expect(dollarsOf({ model: 'wan' }, 'free')).toBeUndefined();
  });
});
