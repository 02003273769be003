/** What a server may be unable to do, by setting name, worded to follow “cannot”. */
export const CAPABILITIES = {
  list: 'list its videos',
  delete: 'delete videos',
  cancel: 'stop a running job',
  thumbnail: 'return thumbnails',
  spritesheet: 'return spritesheets',
  characters: 'use characters',
  image_url: 'use an image at a URL',
  remix: 'remix videos',
  edit: 'edit videos',
  extend: 'extend videos',
  batch: 'run server-side batches',
} as const;

export type Capability = keyof typeof CAPABILITIES;

export const CAPABILITY_NAMES = Object.keys(CAPABILITIES) as readonly Capability[]; // an object's keys are its own

/**
 * Declares that the server's list has every job of the account, at once, on every replica. The create of a job
 * missing from it may be sent again.
 */
export const COMPLETE_LIST = 'complete_list';

/**
 * Allows a public server to name files at private addresses. Otherwise its operator could make us read what only this
 * machine can reach.
 */
export const PRIVATE_FILES = 'private_files';
