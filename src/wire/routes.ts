import type { Dialect } from '../domain/dialect.ts';

export const CHARACTERS_ROUTE = '/videos/characters';
export const FILES_ROUTE = '/files';
export const BATCHES_ROUTE = '/batches';
export const GENERATIONS_ROUTE = '/video/generations';

/** Where a dialect has its jobs, below the base URL. */
export const ROUTES: Readonly<Record<Dialect, string>> = {
  videos: '/videos',
  generations: GENERATIONS_ROUTE,
  'new-api': GENERATIONS_ROUTE,
  openrouter: '/videos',
};
