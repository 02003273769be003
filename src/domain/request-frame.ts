import {
  ASPECT_RATIOS,
  type AspectRatio,
  genericSize,
  type ModelCapabilities,
  ORIENTATION_OF_RATIO,
  ORIENTATIONS,
  RATIO_OF_ORIENTATION,
  RESOLUTIONS,
  type Resolution,
  sizeInWords,
} from './models.ts';
import { type Findings, oneOf, type RequestTarget, rightOptionFor } from './request-target.ts';
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

export function resolveFrame(
  input: FrameInput,
  target: RequestTarget,
  findings: Findings,
): Pick<VideoRequest, 'size' | 'frame'> {
  const words = readFrameWords(input, findings);
  const { rules, hasDefaults } = target;
  const size = resolveSize(input, words, target, findings);
  if (rules.frame === 'pixels' || (rules.frame === 'either' && input.size !== undefined)) return { size };
  if (input.size !== undefined) return { size, ...frameOfSize(size, target, findings) };
  const { resolution, aspectRatio } = words;
  return hasDefaults
    ? { size, frame: { resolution: resolution ?? DEFAULT_RESOLUTION, aspectRatio: aspectRatio ?? DEFAULT_RATIO } }
    : { size: null, frame: { resolution: resolution ?? null, aspectRatio: aspectRatio ?? null } };
}

function readFrameWords(input: FrameInput, findings: Findings): FrameWords {
  const resolution = oneOf(RESOLUTIONS, 'resolution', input.resolution?.toLowerCase(), findings);
  const ratio = oneOf(ASPECT_RATIOS, 'aspect ratio', input.aspectRatio, findings);
  const orientation = oneOf(ORIENTATIONS, 'orientation', input.orientation?.toLowerCase(), findings);
  const ofRatio = ratio === undefined ? undefined : ORIENTATION_OF_RATIO[ratio];
  if (ofRatio !== undefined && orientation !== undefined && ofRatio !== orientation) {
    findings.violations.push(
      `the aspect ratio ${ratio} is ${ofRatio}, which contradicts \`--orientation ${orientation}\``,
    );
  }
  return { resolution, aspectRatio: ratio ?? (orientation && RATIO_OF_ORIENTATION[orientation]) };
}

function resolveSize(
  input: FrameInput,
  { resolution, aspectRatio }: FrameWords,
  { known, hasDefaults, limits }: RequestTarget,
  findings: Findings,
): string | null {
  const { violations } = findings;
  if (input.size !== undefined) {
    if (resolution !== undefined || aspectRatio !== undefined) {
      violations.push('`--size` cannot be combined with `--resolution`, `--aspect-ratio` or `--orientation`');
    }
    return checkSize(input.size.toLowerCase().replace(/(?<=\d) *[x*\u00d7] *(?=\d)/, 'x'), limits, findings);
  }
  if (!hasDefaults && resolution === undefined && aspectRatio === undefined) return null;
  const name = resolution ?? DEFAULT_RESOLUTION;
  const orientation = ORIENTATION_OF_RATIO[aspectRatio ?? DEFAULT_RATIO];
  const match = known?.sizes.find((row) => row.resolution === name && row.orientation === orientation);
  if (match !== undefined) return match.size;
  if (limits === undefined) return genericSize(name, orientation);
  violations.push(`${limits.name} does not render ${name} ${orientation}; its sizes are ${sizesOf(limits)}`);
  return null;
}

/** The names of a size, for dialects that have only names. */
function frameOfSize(
  size: string | null,
  { rules, known }: RequestTarget,
  { violations }: Findings,
): Pick<VideoRequest, 'frame'> {
  if (size === null) return {};
  const words = sizeInWords(size, known);
  if (words !== undefined) {
    return { frame: { resolution: words.resolution, aspectRatio: RATIO_OF_ORIENTATION[words.orientation] } };
  }
  violations.push(
    `${rules.label} has no field for pixels; use \`--resolution\` and \`--aspect-ratio\` instead of \`--size ${size}\``,
  );
  return {};
}

function checkSize(size: string, limits: ModelCapabilities | undefined, { violations }: Findings): string | null {
  const pixels = /^(\d{1,5})x(\d{1,5})$/.exec(size);
  if (!pixels || Number(pixels[1]) === 0 || Number(pixels[2]) === 0) {
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
