import { describe, expect, it } from 'vitest';
import { decodePollingUrl, encodeGuide, encodeNewApi, encodeOpenRouter } from '../../src/wire/json-dialects.ts';
import { createImageFile, createVideoRequest } from '../support/video-request.ts';

const FRAME = { resolution: '1080p', aspectRatio: '9:16' } as const;
const BARE = createVideoRequest({ model: null, seconds: null, size: null });
const NO_FRAME = { resolution: null, aspectRatio: null } as const;
const IMAGE = createImageFile();
const PROMPT = BARE.prompt;

describe('dialect `generations`, as the guide describes it', () => {
  it('has the length as a number, and resolution and shape as words', () => {
    const request = createVideoRequest({ seconds: 10, frame: FRAME, quality: 'standard' });
    expect(encodeGuide(request)).toEqual({
      model: 'sora-2',
      prompt: PROMPT,
      duration: 10,
      resolution: '1080p',
      orientation: 'portrait',
      quality: 'standard',
    });
  });

  it('omits what the server should choose', () => {
    expect(encodeGuide({ ...BARE, frame: NO_FRAME })).toEqual({ prompt: PROMPT });
  });
});

describe('dialect `generations`, as New API implements it', () => {
  it('has the length as a number, the size in pixels, and the image as a URL', () => {
    const request = createVideoRequest({ seconds: 5, image: IMAGE });
    expect(encodeNewApi(request)).toEqual({
      model: 'sora-2',
      prompt: PROMPT,
      duration: 5,
      size: '1280x720',
      image: expect.stringMatching(/^data:image\/png;base64,iVBORw0KGgo/),
    });
    expect(encodeNewApi(BARE)).toEqual({ prompt: PROMPT });
  });
});

describe('dialect `openrouter`', () => {
  it('has resolution and shape as words, and the image as the first frame', () => {
    expect(encodeOpenRouter(createVideoRequest({ frame: FRAME, image: IMAGE }))).toEqual({
      model: 'sora-2',
      prompt: PROMPT,
      duration: 4,
      resolution: '1080p',
      aspect_ratio: '9:16',
      frame_images: [
        { type: 'image_url', image_url: { url: expect.stringMatching(/^data:/) }, frame_type: 'first_frame' },
      ],
    });
  });

  it('has a size only if it was requested', () => {
    expect(encodeOpenRouter({ ...BARE, size: '832x480' })).toEqual({ prompt: PROMPT, size: '832x480' });
    expect(encodeOpenRouter({ ...BARE, size: '1280x720', frame: NO_FRAME })).toEqual({ prompt: PROMPT });
  });

  it.each([
    [{ polling_url: '/api/v1/videos/v' }, '/api/v1/videos/v'],
    [{ polling_url: null }, null],
    [['/api'], null],
    [undefined, null],
  ])('finds the polling URL in %j', (reply, url) => {
    expect(decodePollingUrl(reply)).toBe(url);
  });
});

it('cannot refer to an upload by a URL', () => {
  const request = createVideoRequest({ image: { kind: 'file_id', fileId: 'file-1' } });
  for (const encode of [encodeNewApi, encodeOpenRouter]) expect(() => encode(request)).toThrow('the upload file-1');
});
