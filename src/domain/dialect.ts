import type { ReferenceImage, Variant } from './video.ts';

/** The dialects that servers speak, by the names that people choose them by. */
export const DIALECTS = ['videos', 'generations', 'openrouter'] as const;
export type Dialect = (typeof DIALECTS)[number];

/** How dialect `generations` words a create: as the guide that documented it does, or as New API does. */
export const SHAPES = ['guide', 'new-api'] as const;
export type Shape = (typeof SHAPES)[number];

/** How the body of a create is encoded in dialect `videos`; `plain-json` has `seconds` as a number and `input_reference` as an address. */
export const ENCODINGS = ['json', 'multipart', 'plain-json'] as const;
export type Encoding = (typeof ENCODINGS)[number];

/** A dialect down to the shape of its requests. */
export type ApiForm = Exclude<Dialect, 'generations'> | Shape;

/** What can be asked for in a form of the API at all, whatever its server would answer. */
export interface FormAbilities {
  /** For messages. */
  readonly name: string;
  readonly hasList: boolean;
  readonly hasRemoval: boolean;
  readonly variants: readonly Variant[];
  readonly images: readonly ReferenceImage['kind'][];
  readonly hasCharacters: boolean;
  /** Whether a frame is told as `WIDTHxHEIGHT`, or as a resolution and a ratio. */
  readonly frame: 'pixels' | 'words' | 'either';
  readonly wholeSeconds: boolean;
  /** Held to what is known of the model; elsewhere any length and frame goes as it was asked for. */
  readonly heedsModel: boolean;
}

const VIDEO_ONLY: readonly Variant[] = ['video'];

export const ABILITIES: Readonly<Record<ApiForm, FormAbilities>> = {
  videos: {
    name: 'the dialect `videos`',
    hasList: true,
    hasRemoval: true,
    variants: ['video', 'thumbnail', 'spritesheet'],
    images: ['file', 'url', 'file_id'],
    hasCharacters: true,
    frame: 'pixels',
    wholeSeconds: false,
    heedsModel: true,
  },
  guide: {
    name: 'the dialect `generations`',
    hasList: false,
    hasRemoval: true,
    variants: VIDEO_ONLY,
    images: [],
    hasCharacters: false,
    frame: 'words',
    wholeSeconds: true,
    heedsModel: false,
  },
  'new-api': {
    name: 'the dialect `generations` in the shape `new-api`',
    hasList: false,
    hasRemoval: false,
    variants: VIDEO_ONLY,
    images: ['file', 'url'],
    hasCharacters: false,
    frame: 'pixels',
    wholeSeconds: true,
    heedsModel: false,
  },
  openrouter: {
    name: 'the dialect `openrouter`',
    hasList: false,
    hasRemoval: false,
    variants: VIDEO_ONLY,
    images: ['file', 'url'],
    hasCharacters: false,
    frame: 'either',
    wholeSeconds: true,
    heedsModel: true,
  },
};

export function formOf(dialect: Dialect, shape: Shape): ApiForm {
  return dialect === 'generations' ? shape : dialect;
}
