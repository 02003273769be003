/** What is known about a model. A model missing from the table is unknown, not wrong. */
export interface ModelCapabilities {
  readonly name: string;
  /** Other names that servers use for it. */
  readonly snapshots: readonly string[];
  /** Supported lengths in seconds, ascending. */
  readonly seconds: readonly number[];
  readonly sizes: readonly ModelSize[];
  readonly maxCharacters: number;
}

export interface ModelSize {
  readonly resolution: Resolution;
  readonly orientation: Orientation;
  /** `WIDTHxHEIGHT` in pixels. */
  readonly size: string;
}

/** The longest video that extensions can lead to. */
export const MAX_EXTENDED_SECONDS = 120;
/** How often a video can be extended. */
export const MAX_EXTENSIONS = 6;

export const DEFAULT_MODEL = 'sora-2';

export const RESOLUTIONS = ['480p', '720p', '1024p', '1080p'] as const;
export type Resolution = (typeof RESOLUTIONS)[number];

export const ORIENTATIONS = ['landscape', 'portrait', 'square'] as const;
export type Orientation = (typeof ORIENTATIONS)[number];

export const ASPECT_RATIOS = ['16:9', '9:16', '4:3', '1:1'] as const;
export type AspectRatio = (typeof ASPECT_RATIOS)[number];

export const ORIENTATION_OF_RATIO: Readonly<Record<AspectRatio, Orientation>> = {
  '16:9': 'landscape',
  '9:16': 'portrait',
  '4:3': 'landscape',
  '1:1': 'square',
};

/** The aspect ratio of an orientation, for dialects that have a field for the ratio only. */
export const RATIO_OF_ORIENTATION: Readonly<Record<Orientation, AspectRatio>> = {
  landscape: '16:9',
  portrait: '9:16',
  square: '1:1',
};

/** The longer and the shorter side in pixels. */
const SIDES: Readonly<Record<Resolution, readonly [number, number]>> = {
  '480p': [854, 480],
  '720p': [1280, 720],
  '1024p': [1792, 1024],
  '1080p': [1920, 1080],
};

/** `WIDTHxHEIGHT` of a resolution and orientation. */
export function sizeOf(resolution: Resolution, orientation: Orientation): string {
  const [long, short] = SIDES[resolution];
  if (orientation === 'square') return `${short}x${short}`;
  return orientation === 'landscape' ? `${long}x${short}` : `${short}x${long}`;
}

const SIZES: readonly ModelSize[] = RESOLUTIONS.flatMap((resolution) =>
  ORIENTATIONS.map((orientation) => ({ resolution, orientation, size: sizeOf(resolution, orientation) })),
);

/** Resolution and orientation of a size; undefined for one without a name. */
export function sizeInWords(size: string): ModelSize | undefined {
  return SIZES.find((row) => row.size === size);
}

/** Landscape and portrait in these resolutions. */
function oblong(...resolutions: readonly Resolution[]): ModelSize[] {
  return SIZES.filter(({ resolution, orientation }) => orientation !== 'square' && resolutions.includes(resolution));
}

const SORA_2 = { seconds: [4, 8, 12, 16, 20], maxCharacters: 2 };

/** Source: OpenAI's model pages and changelog, as of the shutdown on 2026-09-24. */
export const KNOWN_MODELS: readonly ModelCapabilities[] = [
  { ...SORA_2, name: 'sora-2', snapshots: ['sora-2-2025-10-06', 'sora-2-2025-12-08'], sizes: oblong('720p') },
  { ...SORA_2, name: 'sora-2-pro', snapshots: ['sora-2-pro-2025-10-06'], sizes: oblong('720p', '1024p', '1080p') },
];

/** Finds a model by its name or a snapshot's name; undefined if it is unknown. */
export function findModel(name: string): ModelCapabilities | undefined {
  return KNOWN_MODELS.find((model) => model.name === name || model.snapshots.includes(name));
}
