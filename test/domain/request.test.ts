import { describe, expect, it } from 'vitest';
import type { Dialect } from '../../src/domain/dialect.ts';
import {
  type RequestInput,
  type RequestResolution,
  type ResolvedRequest,
  resolveRequest,
} from '../../src/domain/request.ts';
import { USUAL_FORMAT } from '../../src/domain/request-format.ts';
import type { ServerCapabilities } from '../../src/domain/request-gate.ts';
import { createImageFile } from '../support/video-request.ts';

const UNKNOWN_MODEL = 'wan-2.2';

type Asked = Partial<RequestInput> & { readonly dialect?: Dialect };

function tryToResolve({ dialect = 'videos', ...input }: Asked): RequestResolution {
  return resolveRequest(
    { prompt: 'a kite', ...input },
    { profile: 'lab', dialect, missing: new Set(), servesOpenAiModels: true, format: USUAL_FORMAT },
  );
}

function resolve(input: Asked): ResolvedRequest {
  const resolution = tryToResolve(input);
  if (!resolution.ok) throw new Error(`refused: ${resolution.violations.join('; ')}`);
  return resolution.value;
}

function violationsOf(input: Asked): readonly string[] {
  const resolution = tryToResolve(input);
  return resolution.ok ? [] : resolution.violations;
}

describe('a request for a known model', () => {
  it.each(['1280×720', '1280 x 720', '1280X720', '1280*720'])('reads the size %s', (size) => {
    expect(resolve({ size }).request.size).toBe('1280x720');
  });

  it.each(['8s', '8 s', '8 sec', '8 Seconds', '8.0'])('reads the duration %s', (duration) => {
    expect(resolve({ duration }).request.seconds).toBe(8);
  });

  it('has defaults for everything else', () => {
    expect(resolve({})).toEqual({
      request: {
        prompt: 'a kite',
        model: 'sora-2',
        seconds: 4,
        size: '1280x720',
        image: null,
        characters: [],
        quality: null,
        params: {},
      },
      askedSeconds: null,
      notes: [],
    });
  });

  it.each([
    ['1', 4],
    ['5', 4],
    ['6', 4], // a tie goes to the shorter
    ['6.5', 8],
    ['10', 8], // a tie goes to the shorter
    ['11', 12],
    ['18', 16], // a tie goes to the shorter
    ['30', 20],
    [' 5s ', 4],
  ])('rounds %s seconds to the nearest length with a note', (duration, seconds) => {
    const resolved = resolve({ duration });
    expect(resolved.request.seconds).toBe(seconds);
    expect(resolved.askedSeconds).toBe(Number.parseFloat(duration));
    expect(resolved.notes).toEqual([expect.stringContaining(`using ${seconds} instead of`)]);
  });

  it.each(['4', '8', '12', '16', '20'])('keeps %s seconds', (duration) => {
    const { request, askedSeconds, notes } = resolve({ duration });
    expect({ seconds: request.seconds, askedSeconds, notes }).toEqual({
      seconds: Number(duration),
      askedSeconds: null,
      notes: [],
    });
  });

  it('refuses other lengths with --exact, and lists the valid ones', () => {
    expect(violationsOf({ duration: '5', exact: true })).toEqual([
      'sora-2 renders 4, 8, 12, 16 or 20 seconds, not 5, and `--exact` forbids rounding',
    ]);
    expect(resolve({ duration: '8', exact: true }).request.seconds).toBe(8);
  });

  it.each([
    [{ aspectRatio: '16:9' }, '1280x720'],
    [{ aspectRatio: '9:16' }, '720x1280'],
    [{ aspectRatio: '4:3' }, '1280x720'],
    [{ orientation: 'Portrait' }, '720x1280'],
    [{ model: 'sora-2-pro', resolution: '1080P' }, '1920x1080'],
    [{ model: 'sora-2-pro', resolution: '1024p', orientation: 'portrait' }, '1024x1792'],
    [{ aspectRatio: '4:3', orientation: 'landscape' }, '1280x720'],
    [{ size: '720X1280' }, '720x1280'],
    [{ model: 'sora-2-2025-10-06' }, '1280x720'],
  ])('resolves %j to %s', (input, size) => {
    expect(resolve(input).request.size).toBe(size);
  });

  it.each([
    [
      { aspectRatio: '1:1' },
      /^sora-2 does not render 720p square; its sizes are 1280x720 \(720p\) or 720x1280 \(720p\)$/,
    ],
    [{ orientation: 'square' }, /does not render 720p square/],
    [{ resolution: '1080p' }, /^sora-2 does not render 1080p landscape/],
    [{ resolution: '4k' }, /^the resolution `4k` is not one of 480p, 720p, 1024p or 1080p$/],
    [{ aspectRatio: '9:16', orientation: 'landscape' }, /^the aspect ratio 9:16 is portrait/],
    [{ size: '1920x1080' }, /^sora-2 does not render 1920x1080/],
    [{ size: '720p' }, /is not WIDTHxHEIGHT in pixels, for example 1280x720; use `--resolution 720p`$/],
    [{ size: '9:16' }, /; use `--aspect-ratio 9:16`$/],
    [{ resolution: '1280x720' }, /; use `--size 1280x720`$/],
    [{ resolution: '720' }, /; did you mean `720p`\?$/],
    [{ aspectRatio: '16/9' }, /; did you mean `16:9`\?$/],
    [{ aspectRatio: 'square' }, /; use `--orientation square`$/],
    [{ orientation: 'vertical' }, /; use `--orientation portrait`$/],
    [{ orientation: '9:16' }, /; use `--aspect-ratio 9:16`$/],
    [{ size: '0x720' }, /is not WIDTHxHEIGHT in pixels, for example 1280x720$/],
    [{ size: '1280x720', resolution: '720p' }, /^`--size` cannot be combined/],
    [{ quality: 'high' }, /`--model sora-2-pro`/],
    [{ quality: 'best' }, /^the quality `best` is not one of standard or high$/],
    [{ model: ' ' }, /^the model name is empty$/],
    [{ characters: ['char_1', 'char_2', 'char_3'] }, /accepts at most 2 characters, not 3/],
    [{ characters: [''] }, /^the id of a character is empty$/],
  ])('refuses %j', (input, violation) => {
    expect(violationsOf(input)).toEqual([expect.stringMatching(violation)]);
  });

  it('sends no quality, since the model determines it', () => {
    expect(resolve({ quality: 'standard' }).request.quality).toBeNull();
    expect(resolve({ quality: 'high', model: 'sora-2-pro' }).request.quality).toBeNull();
  });
});

describe('a request for an unknown model', () => {
  it('contains no defaults', () => {
    const { request, notes } = resolve({ model: UNKNOWN_MODEL });
    expect(request).toMatchObject({ model: UNKNOWN_MODEL, seconds: null, size: null, quality: null });
    expect(notes).toEqual([]);
  });

  it('keeps the given values', () => {
    const { request } = resolve({
      model: UNKNOWN_MODEL,
      duration: '5.5',
      exact: true,
      size: '832x480',
      quality: 'high',
      characters: ['a', 'b', 'c'],
    });
    expect(request).toMatchObject({
      seconds: 5.5,
      size: '832x480',
      quality: 'high',
      characters: ['a', 'b', 'c'],
    });
  });

  it.each([
    [{ resolution: '480p' }, '854x480'],
    [{ aspectRatio: '1:1' }, '720x720'],
    [{ resolution: '1080p', orientation: 'portrait' }, '1080x1920'],
  ])('resolves %j to the usual size', (input, size) => {
    expect(resolve({ model: UNKNOWN_MODEL, ...input }).request.size).toBe(size);
  });
});

describe('any request', () => {
  it.each(['0', '-4', '4 minutes', '0:04', 'NaN', '', '86401', '1e3'])('refuses the duration %j', (duration) => {
    for (const model of ['sora-2', UNKNOWN_MODEL]) {
      expect(violationsOf({ model, duration })).toEqual([
        expect.stringContaining('is not a positive number of seconds'),
      ]);
    }
  });

  it.each([
    ['no characters', '', 'the prompt is empty'],
    ['white space', ' \n\t', 'the prompt is empty'],
    ['a NUL', 'a\u0000b', 'the prompt contains binary data'],
    ['invalid UTF-8', 'a\ufffdb', 'the prompt contains binary data'],
    ['32,001 characters', 'é'.repeat(32_001), 'the prompt has 32001 characters; the limit is 32000'],
  ])('refuses a prompt with %s', (_, prompt, violation) => {
    expect(violationsOf({ prompt })).toEqual([violation]);
  });

  it('counts characters, not code units, and keeps line breaks and tabs', () => {
    expect(violationsOf({ prompt: '🪁'.repeat(32_000) })).toEqual([]);
    expect(resolve({ prompt: 'a\r\n\tb' }).request.prompt).toBe('a\r\n\tb');
  });

  it('parses parameters as JSON, otherwise as text', () => {
    const params = [
      'seed=42',
      'loop=true',
      'note=a=b',
      'mask=null',
      'empty=',
      'ids=[1,"2"]',
      'style=oil paint',
      '__proto__=x',
    ];
    const expected =
      '{"seed":42,"loop":true,"note":"a=b","mask":null,"empty":"","ids":[1,"2"],"style":"oil paint","__proto__":"x"}';
    expect(JSON.stringify(resolve({ params }).request.params)).toBe(expected);
  });

  it.each(['prompt', 'model', 'seconds', 'size', 'quality', 'input_reference', 'characters'])(
    'does not let a parameter overwrite `%s`',
    (key) => {
      const image = { reference: { kind: 'url', url: 'https://cdn.example/a.png' }, size: null } as const;
      const all = { model: 'wan', duration: '4', size: '832x480', quality: 'high', image, characters: ['char_1'] };
      expect(violationsOf({ ...all, params: [`${key}=x`] })).toEqual([expect.stringContaining('has its own option')]);
    },
  );

  it('lets a parameter set a field that has no other value', () => {
    const { request } = resolve({ model: 'wan', params: ['quality=lossless'] });
    expect(request).toMatchObject({ quality: null, params: { quality: 'lossless' } });
  });

  it.each([
    [[`a=${'['.repeat(101)}${']'.repeat(101)}`], 'the parameter `a` is nested too deeply'],
    [['seed'], 'the parameter `seed` is not of the form key=value'],
    [['=1'], 'the parameter `=1` is not of the form key=value'],
    [['seed=1', 'seed=2'], 'the parameter `seed` is given twice'],
  ])('refuses the parameters %j', (params, violation) => {
    expect(violationsOf({ params })).toEqual([violation]);
  });

  it('reports all problems together, each once', () => {
    const violations = violationsOf({
      prompt: '',
      duration: 'long',
      resolution: '4k',
      aspectRatio: '2:1',
      quality: 'best',
      params: ['seed'],
      characters: ['', 'b', 'c'],
    });
    expect(violations).toHaveLength(8);
  });
});

describe('a reference image', () => {
  const image = (size: string | null): RequestInput['image'] => ({ reference: createImageFile(), size });

  it.each([
    ['of the size of the video', '1280x720'],
    ['of unknown size', null],
  ])('%s is accepted', (_, size) => {
    const { request, notes } = resolve({ image: image(size) });
    expect(request.image).toEqual(createImageFile());
    expect(notes).toEqual([]);
  });

  it('of another size is refused for a known model, as the only error', () => {
    expect(tryToResolve({ image: image('640x480') })).toEqual({
      ok: false,
      violations: [
        'the reference image is 640x480, the video 1280x720: sora-2 requires an image of exactly the video’s size',
      ],
      wrongImageSize: true,
    });
    expect(tryToResolve({ prompt: '', image: image('640x480') })).toMatchObject({ wrongImageSize: false });
  });

  it('of another size is only noted for an unknown model', () => {
    const input = { model: UNKNOWN_MODEL, size: '832x480', image: image('640x480') };
    expect(resolve(input).notes).toEqual([expect.stringContaining('some servers refuse that')]);
    expect(resolve({ model: UNKNOWN_MODEL, image: image('640x480') }).notes).toEqual([]);
  });
});

describe('a request in dialect `generations`', () => {
  it.each(['generations', 'new-api'] as const)('keeps the requested length and frame: %s', (dialect) => {
    const { request, askedSeconds, notes } = resolve({
      dialect,
      duration: '5',
      resolution: '1080p',
      aspectRatio: '9:16',
    });
    expect({ seconds: request.seconds, size: request.size, askedSeconds, notes }).toEqual({
      seconds: 5,
      size: '1080x1920', // which sora-2 does not render in dialect `videos`
      askedSeconds: null,
      notes: [],
    });
    expect(resolve({ dialect, duration: '5', exact: true }).request.seconds).toBe(5);
  });

  it('has resolution and aspect ratio, with defaults only for a known model', () => {
    const frameOf = (input: Asked) => resolve({ dialect: 'generations', ...input }).request.frame;
    expect(frameOf({})).toEqual({ resolution: '720p', aspectRatio: '16:9' });
    expect(frameOf({ orientation: 'square' })).toEqual({ resolution: '720p', aspectRatio: '1:1' });
    expect(frameOf({ size: '720x1280' })).toEqual({ resolution: '720p', aspectRatio: '9:16' });
    expect(frameOf({ model: UNKNOWN_MODEL, aspectRatio: '4:3' })).toEqual({ resolution: null, aspectRatio: '4:3' });
    expect(resolve({ dialect: 'new-api' }).request).not.toHaveProperty('frame');
  });

  it('refuses everything that the dialect has no field for, in one error', () => {
    expect(
      violationsOf({
        dialect: 'generations',
        duration: '4.5',
        size: '832x480',
        characters: ['char_1'],
        params: ['orientation=portrait', 'seconds=4'],
        image: { reference: createImageFile(), size: '1280x720' },
      }),
    ).toEqual([
      'the dialect `generations` has no characters',
      'the dialect `generations` accepts whole seconds, not 4.5',
      'the dialect `generations` has no field for pixels; use `--resolution` and `--aspect-ratio` instead of `--size 832x480`',
      'the dialect `generations` accepts no reference image',
    ]);
  });

  it('keeps the quality', () => {
    expect(resolve({ dialect: 'generations', quality: 'high' }).request.quality).toBe('high');
  });
});

describe('a request in dialect `openrouter`', () => {
  it('has resolution and aspect ratio, or a size, as given', () => {
    const model = 'google/veo-3.1';
    expect(resolve({ dialect: 'openrouter', model, aspectRatio: '4:3' }).request).toMatchObject({
      seconds: null,
      size: null,
      frame: { resolution: null, aspectRatio: '4:3' },
    });
    const { request } = resolve({ dialect: 'openrouter', model, size: '832x480' });
    expect(request.size).toBe('832x480');
    expect(request).not.toHaveProperty('frame');
  });

  it('accepts an image as a file or a URL, not as the id of an upload', () => {
    const image = { reference: { kind: 'file_id', fileId: 'file-1' } as const, size: null };
    expect(violationsOf({ dialect: 'openrouter', image })).toEqual([
      expect.stringContaining('not as the id of an upload'),
    ]);
  });
});

describe('a capability that the server lacks', () => {
  const input = { prompt: '', variants: ['video', 'thumbnail', 'spritesheet'], characters: ['char_1'] } as const;
  const resolveAt = (server: Partial<ServerCapabilities>) =>
    resolveRequest(input, {
      profile: 'lab',
      dialect: 'videos',
      missing: new Set(),
      servesOpenAiModels: true,
      format: USUAL_FORMAT,
      ...server,
    });

  it('is reported with all other problems, whether it follows from the profile or the dialect', () => {
    expect(resolveAt({ missing: new Set(['spritesheet', 'characters']) })).toMatchObject({
      violations: [
        'the server of profile lab cannot return spritesheets, according to its settings',
        'the server of profile lab cannot use characters, according to its settings',
        'the prompt is empty',
      ],
    });
    expect(resolveAt({ dialect: 'openrouter' })).toMatchObject({
      violations: [
        'the dialect `openrouter` has no thumbnail',
        'the dialect `openrouter` has no spritesheet',
        'the dialect `openrouter` has no characters',
        'the prompt is empty',
      ],
    });
  });
});
