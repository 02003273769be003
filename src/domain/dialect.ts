import type { Capability } from './capabilities.ts';
import type { ReferenceImage, ReferenceRole } from './video.ts';

/** The dialects, by the names of `--dialect`. */
export const DIALECT_NAMES = ['videos', 'generations', 'openrouter'] as const;
export type DialectName = (typeof DIALECT_NAMES)[number];

/** A dialect as a server speaks it; `new-api` is the variant of `generations` that New API uses. */
export type Dialect = DialectName | 'new-api';

/** The values of the setting `shape`: the field names of a create in dialect `generations`. */
export const SHAPES = ['guide', 'new-api'] as const;

/** What a dialect can express, whatever the server supports. */
export interface DialectRules {
  readonly name: DialectName;
  /** For messages. */
  readonly label: string;
  /** What the dialect has no call or field for. */
  readonly missing: readonly Capability[];
  readonly images: readonly ReferenceImage['kind'][];
  /** In dialect `videos` the server's profile decides. */
  readonly references: readonly ReferenceRole[];
  /** Whether a create can contain a webhook URL. In dialect `videos` the server's profile decides. */
  readonly takesCallback: boolean;
  /** Whether a frame is sent as `WIDTHxHEIGHT`, or as a resolution and a ratio. */
  readonly frame: 'pixels' | 'words' | 'either';
  readonly wholeSeconds: boolean;
  /** Whether known limits of the model are enforced; otherwise any length and frame is sent as requested. */
  readonly enforcesModel: boolean;
}

const VIDEOS_ONLY = ['list', 'thumbnail', 'spritesheet', 'characters', 'remix', 'edit', 'extend', 'batch'] as const;

const USUAL = {
  missing: [],
  images: ['file', 'url'],
  references: [],
  takesCallback: false,
  frame: 'pixels',
  wholeSeconds: true,
  enforcesModel: false,
} as const;

export const DIALECTS: Readonly<Record<Dialect, DialectRules>> = {
  videos: {
    ...USUAL,
    name: 'videos',
    label: 'the dialect `videos`',
    images: ['file', 'url', 'file_id'],
    wholeSeconds: false,
    enforcesModel: true,
  },
  generations: {
    ...USUAL,
    name: 'generations',
    label: 'the dialect `generations`',
    missing: VIDEOS_ONLY,
    images: [],
    frame: 'words',
  },
  'new-api': {
    ...USUAL,
    name: 'generations',
    label: 'the dialect `generations` in the shape `new-api`',
    missing: [...VIDEOS_ONLY, 'delete', 'cancel'],
    references: ['image'],
  },
  openrouter: {
    ...USUAL,
    name: 'openrouter',
    label: 'the dialect `openrouter`',
    missing: [...VIDEOS_ONLY, 'delete', 'cancel'],
    references: ['last_frame', 'image', 'video', 'audio'],
    takesCallback: true,
    frame: 'either',
    enforcesModel: true,
  },
};

/** The dialect for a name and the setting `shape`. */
export function dialectFor(name: DialectName, shape: string | undefined): Dialect {
  return name === 'generations' && shape === 'new-api' ? 'new-api' : name;
}
