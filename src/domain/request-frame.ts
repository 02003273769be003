import {
  ASPECT_RATIOS,
  type AspectRatio,
  type ModelCapabilities,
  ORIENTATION_OF_RATIO,
  ORIENTATIONS,
  RATIO_OF_ORIENTATION,
  RESOLUTIONS,
  type Resolution,
  sizeInWords,
  sizeOf,
} from './models.ts';
import { oneOf, PIXELS, type RequestTarget, rightOptionFor } from './request-target.ts';
import type { VideoRequest } from './video.ts';
import { inWords } from './wording.ts';

const DEFAULT_RESOLUTION = '720p';
const DEFAULT_RATIO = '16:9';

/** A frame as typed by the user: unchecked text. */
export interface FrameInput {
  readonly resolution?: string | undefined;
  readonly aspectRatio?: string | undefined;
  readonly orientation?: string | undefined;
  readonly size?: string | undefined;
}

/** The parts of a frame that were given as names. */
interface FrameWords {
  readonly resolution: Resolution | undefined;
  readonly aspectRatio: AspectRatio | undefined;
}

export function resolveFrame(input: FrameInput, target: RequestTarget): Pick<VideoRequest, 'size' | 'frame'> {
  const words = readFrameWords(input, target);
  const { rules, hasDefaults } = target;
  const size = resolveSize(input, words, target);
  if (rules.frame === 'pixels' || (rules.frame === 'either' && input.size !== undefined)) return { size };
  if (input.size !== undefined) return { size, ...frameOfSize(size, target) };
  const { resolution, aspectRatio } = words;
  return hasDefaults
    ? { size, frame: { resolution: resolution ?? DEFAULT_RESOLUTION, aspectRatio: aspectRatio ?? DEFAULT_RATIO } }
    : { size: null, frame: { resolution: resolution ?? null, aspectRatio: aspectRatio ?? null } };
}

function readFrameWords(input: FrameInput, target: RequestTarget): FrameWords {
  const resolution = oneOf(RESOLUTIONS, 'resolution', input.resolution?.toLowerCase(), target);
  const ratio = oneOf(ASPECT_RATIOS, 'aspect ratio', input.aspectRatio, target);
  const orientation = oneOf(ORIENTATIONS, 'orientation', input.orientation?.toLowerCase(), target);
  const ofRatio = ratio === undefined ? undefined : ORIENTATION_OF_RATIO[ratio];
  if (ofRatio !== undefined && orientation !== undefined && ofRatio !== orientation) {
    target.violations.push(
      `the aspect ratio ${ratio} is ${ofRatio}, which contradicts \`--orientation ${orientation}\``,
    );
  }
  return { resolution, aspectRatio: ratio ?? (orientation && RATIO_OF_ORIENTATION[orientation]) };
}

function resolveSize(input: FrameInput, { resolution, aspectRatio }: FrameWords, target: RequestTarget): string | null {
  const { hasDefaults, limits, violations } = target;
  if (input.size !== undefined) {
    if (resolution !== undefined || aspectRatio !== undefined) {
      violations.push('`--size` cannot be combined with `--resolution`, `--aspect-ratio` or `--orientation`');
    }
    return checkSize(input.size.toLowerCase().replace(/(?<=\d) *[x*\u00d7] *(?=\d)/, 'x'), target);
  }
  if (!hasDefaults && resolution === undefined && aspectRatio === undefined) return null;
  const name = resolution ?? DEFAULT_RESOLUTION;
  const orientation = ORIENTATION_OF_RATIO[aspectRatio ?? DEFAULT_RATIO];
  const size = sizeOf(name, orientation);
  if (limits === undefined || limits.sizes.some((row) => row.size === size)) return size;
  violations.push(`${limits.name} does not render ${name} ${orientation}; its sizes are ${sizesOf(limits)}`);
  return null;
}

/** The names of a size, for dialects that have only names. */
function frameOfSize(size: string | null, { rules, violations }: RequestTarget): Pick<VideoRequest, 'frame'> {
  if (size === null) return {};
  const words = sizeInWords(size);
  if (words !== undefined) {
    return { frame: { resolution: words.resolution, aspectRatio: RATIO_OF_ORIENTATION[words.orientation] } };
  }
  violations.push(
    `${rules.label} has no field for pixels; use \`--resolution\` and \`--aspect-ratio\` instead of \`--size ${size}\``,
  );
  return {};
}

function checkSize(size: string, { limits, violations }: RequestTarget): string | null {
  if (!PIXELS.test(size)) {
    violations.push(`the size \`${size}\` is not WIDTHxHEIGHT in pixels, for example 1280x720${rightOptionFor(size)}`);
    return null;
  }
  if (limits !== undefined && !limits.sizes.some((row) => row.size === size)) {
    violations.push(`${limits.name} does not render ${size}; its sizes are ${sizesOf(limits)}`);
  }
  return size;
}

function sizesOf(model: ModelCapabilities): string {
  return inWords(model.sizes.map(({ size, resolution }) => `${size} (${resolution})`));
}
