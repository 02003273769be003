import { describe, expect, it } from 'vitest';
import type { ListedModel } from '../../src/domain/listed-model.ts';
import { listedRates, type SkuOrder, skuMicros } from '../../src/domain/sku-price.ts';
import type { Reference, ReferenceSource } from '../../src/domain/video.ts';

const SILENT: ListedModel = {
  id: 'acme/reel',
  name: null,
  owner: null,
  seconds: null,
  sizes: null,
  resolutions: null,
  ratios: null,
  frames: null,
  hasSound: false,
  skus: null,
};
const PICTURE: ReferenceSource = { kind: 'url', url: 'https://example.com/a.png' };
const guide = (role: Reference['role']): Reference => ({ role, source: PICTURE });

function usd(model: Partial<ListedModel>, order: Partial<SkuOrder> = {}): number | null {
  const micros = skuMicros({ ...SILENT, ...model }, { seconds: 10, size: null, ...order });
  return micros === null ? null : micros / 1_000_000;
}

const at = (resolution: string, aspectRatio: string | null = null): Partial<SkuOrder> => ({
  frame: { resolution, aspectRatio } as SkuOrder['frame'] & object,
});

const VEO = {
  hasSound: true,
  resolutions: ['720p', '1080p', '4k'],
  skus: {
    duration_seconds_with_audio: 0.08,
    duration_seconds_without_audio: 0.05,
    duration_seconds_with_audio_720p: 0.05,
    duration_seconds_without_audio_720p: 0.03,
  },
};
const KLING = {
  hasSound: true,
  resolutions: ['720p'],
  skus: {
    duration_seconds: 0.084,
    duration_seconds_with_audio: 0.126,
    text_to_video_duration_seconds_720p: 0.084,
    image_to_video_duration_seconds_720p: 0.09,
  },
};
const SEEDANCE = {
  hasSound: true,
  resolutions: ['480p', '720p'],
  sizes: ['864x496', '1280x720', '720x1280', '960x960'],
  skus: { video_tokens: 0.00001, video_tokens_without_audio: 0.000005, video_tokens_with_video_input: 0.1 },
};

describe('skuMicros', () => {
  it.each<[string, Partial<ListedModel>, Partial<SkuOrder>, number]>([
    ['dollars a second', { skus: { duration_seconds: 0.08 } }, {}, 0.8],
    ['the other spelling', { skus: { 'per-video-second': 0.5, 'per-video-second-1080p': 0.75 } }, at('1080p'), 7.5],
    ['cents a second', { skus: { cents_per_second_output: 12 } }, {}, 1.2],
    ['cents by resolution', { skus: { cents_per_video_output_second_480p: 5 } }, at('480p'), 0.5],
    ['the exact pixels of a resolution', { skus: { cents_per_video_output_second_480p: 5 } }, { size: '854x480' }, 0.5],
    ['4k by its pixels', { skus: { duration_seconds: 0.1, duration_seconds_4k: 0.4 } }, { size: '3840x2160' }, 4],
    ['sound by default', VEO, at('1080p'), 0.8],
    ['the resolution’s own price', VEO, at('720p'), 0.5],
    ['no sound on request', VEO, { ...at('720p'), params: { generate_audio: false } }, 0.3],
    ['the most expensive of equally exact prices', KLING, {}, 1.26],
    ['fields that change no price', KLING, { params: { seed: 7, negative_prompt: 'rain' } }, 1.26],
    ['an image as the start', KLING, { image: PICTURE, params: { generate_audio: false } }, 0.9],
    ['tokens of exact pixels', SEEDANCE, { size: '1280x720' }, 2.16],
    ['tokens of a named frame', SEEDANCE, at('720p', '9:16'), 2.16],
    ['tokens without sound', SEEDANCE, { size: '1280x720', params: { generate_audio: false } }, 1.08],
    [
      'images that cost',
      { skus: { duration_seconds: 0.1, reference_images: 0.02 } },
      { references: [guide('image')] },
      1.02,
    ],
    [
      'frames that cost',
      { skus: { duration_seconds: 0.1, cents_per_image_input: 1 } },
      { image: PICTURE, references: [guide('last_frame')] },
      1.02,
    ],
    ['a minimum', { skus: { duration_seconds: 0.001, minimum_cents_per_generation: 25 } }, {}, 0.25],
    ['one price at every resolution', { resolutions: ['480p', '720p'], skus: { duration_seconds: 0.1 } }, {}, 1],
    [
      'a price of media that are not sent',
      { skus: { duration_seconds: 0.1, reference_duration_seconds_480p: 9 } },
      {},
      1,
    ],
  ])('reads %s', (_, model, order, expected) => {
    expect(usd(model, order)).toBe(expected);
  });

  it.each<[string, Partial<ListedModel>, Partial<SkuOrder>]>([
    ['no prices', {}, {}],
    ['an empty list', { skus: {} }, {}],
    ['an unknown name', { skus: { duration_seconds: 0.1, setup_fee: 3 } }, {}],
    ['a name with an unknown suffix', { skus: { duration_seconds_rush_720p: 0.1 } }, at('720p')],
    ['an unreadable amount', { skus: { duration_seconds: null } }, {}],
    ['a price of zero', { skus: { duration_seconds: 0 } }, {}],
    ['no length', { skus: { duration_seconds: 0.1 } }, { seconds: null }],
    ['a resolution without a price', { skus: { duration_seconds_720p: 0.1 } }, at('1080p')],
    ['a resolution that the server chooses', VEO, {}],
    ['an unlisted size', { ...VEO, skus: { ...VEO.skus } }, { size: '900x700' }],
    ['tokens of unknown pixels', { ...SEEDANCE, sizes: null }, at('720p', '16:9')],
    ['tokens of several sizes', SEEDANCE, {}],
    ['a video that is sent', SEEDANCE, { size: '1280x720', references: [guide('video')] }],
    ['a field that may change the price', VEO, { ...at('720p'), params: { provider: {} } }],
    ['images that a field sends', KLING, { params: { frame_images: [] } }],
    ['a quality', KLING, { quality: 'high' }],
    [
      'guides of a model with a price for images',
      KLING,
      { references: [guide('image')], params: { generate_audio: false } },
    ],
    ['a sound that is neither on nor off', VEO, { ...at('720p'), params: { generate_audio: 'maybe' } }],
    [
      'an image of unknown price',
      { skus: { duration_seconds: 0.1, reference_images: null } },
      { references: [guide('image')] },
    ],
  ])('returns null for %s', (_, model, order) => {
    expect(usd(model, order)).toBeNull();
  });
});

describe('listedRates', () => {
  it('lists a price per resolution, and per sound option if that matters', () => {
    expect(listedRates({ ...SILENT, ...VEO, resolutions: ['720p', '1080p'] })).toEqual([
      { resolution: '720p', sizes: null, sound: true, microsPerSecond: 50_000 },
      { resolution: '720p', sizes: null, sound: false, microsPerSecond: 30_000 },
      { resolution: '1080p', sizes: null, sound: true, microsPerSecond: 80_000 },
      { resolution: '1080p', sizes: null, sound: false, microsPerSecond: 50_000 },
    ]);
  });

  it('lists a price per size when it depends on pixels', () => {
    const rates = listedRates({ ...SILENT, ...SEEDANCE, hasSound: false });
    expect(rates.map(({ sizes, microsPerSecond }) => [sizes, microsPerSecond])).toEqual([
      [['864x496'], 50_220],
      [['1280x720'], 108_000],
      [['720x1280'], 108_000],
      [['960x960'], 108_000],
    ]);
  });

  it('lists an unknown price as unknown', () => {
    expect(listedRates(SILENT)).toEqual([{ resolution: null, sizes: null, sound: null, microsPerSecond: null }]);
  });
});
