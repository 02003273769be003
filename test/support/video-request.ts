import type { ReferenceImage, VideoRequest } from '../../src/domain/video.ts';
import { createPngHeader } from './image-headers.ts';

/** A request that every server accepts. */
export function createVideoRequest(changes: Partial<VideoRequest> = {}): VideoRequest {
  return {
    prompt: 'a red kite over the sea',
    model: 'sora-2',
    seconds: 4,
    size: '1280x720',
    image: null,
    characters: [],
    quality: null,
    params: {},
    ...changes,
  };
}

/** A reference image of the size of that request. */
export function createImageFile(name = 'first frame.png'): ReferenceImage {
  return { kind: 'file', name, mimeType: 'image/png', bytes: createPngHeader(1280, 720) };
}
