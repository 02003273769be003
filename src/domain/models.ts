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

/** Used if no model is given. */
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

const HD: readonly ModelSize[] = [
  { resolution: '720p', orientation: 'landscape', size: '1280x720' },
  { resolution: '720p', orientation: 'portrait', size: '720x1280' },
];

/** Source: OpenAI's model pages and changelog, as of the shutdown on 2026-09-24. */
export const KNOWN_MODELS: readonly ModelCapabilities[] = [
  {
    name: 'sora-2',
    snapshots: ['sora-2-2025-10-06', 'sora-2-2025-12-08'],
    seconds: [4, 8, 12, 16, 20],
    sizes: HD,
    maxCharacters: 2,
  },
  {
    name: 'sora-2-pro',
    snapshots: ['sora-2-pro-2025-10-06'],
    seconds: [4, 8, 12, 16, 20],
    sizes: [
      ...HD,
      { resolution: '1024p', orientation: 'landscape', size: '1792x1024' },
      { resolution: '1024p', orientation: 'portrait', size: '1024x1792' },
      { resolution: '1080p', orientation: 'landscape', size: '1920x1080' },
      { resolution: '1080p', orientation: 'portrait', size: '1080x1920' },
    ],
    maxCharacters: 2,
  },
];

/** Finds a model by its name or a snapshot's name; undefined if it is unknown. */
export function findModel(name: string): ModelCapabilities | undefined {
  return KNOWN_MODELS.find((model) => model.name === name || model.snapshots.includes(name));
}

/** The size for a resolution and orientation if the model is unknown. */
export function genericSize(resolution: Resolution, orientation: Orientation): string {
  const [long, short] = GENERIC_PIXELS[resolution];
  if (orientation === 'square') return `${short}x${short}`;
  return orientation === 'landscape' ? `${long}x${short}` : `${short}x${long}`;
}

/** Resolution and orientation of a size, from the model's own table or the generic one; undefined for any other size. */
export function sizeInWords(size: string, known: ModelCapabilities | undefined): ModelSize | undefined {
  const generic = RESOLUTIONS.flatMap((resolution) =>
    ORIENTATIONS.map((orientation) => ({ resolution, orientation, size: genericSize(resolution, orientation) })),
  );
  return [...(known?.sizes ?? []), ...generic].find((row) => row.size === size);
}

const GENERIC_PIXELS: Readonly<Record<Resolution, readonly [number, number]>> = {
  '480p': [854, 480],
  '720p': [1280, 720],
  '1024p': [1792, 1024],
  '1080p': [1920, 1080],
};
