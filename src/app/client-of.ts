import type { VideosClient } from '../client/port.ts';
import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Server } from './servers.ts';

/** What a character has of a job. */
const NO_FACTS = {
  status: 'completed',
  serverStatus: null,
  progress: null,
  model: null,
  seconds: null,
  size: null,
  completedAtMs: null,
  expiresAtMs: null,
  remixedFrom: null,
  error: null,
  actualMicros: null,
  content: null,
  requestId: null,
  pollAfterMs: null,
} as const satisfies Partial<VideoJob>;

/** The client that reads what a submission created: a character has a route of its own, and no list. */
export function clientOf(
  { client, transport, identity }: Pick<Server, 'client' | 'transport' | 'identity'>,
  operation: string | undefined,
  now: () => number,
): VideosClient {
  if (operation !== 'character') return client;
  return {
    ...client,
    async get(id, options) {
      const { readCharacter } = await import('../client/characters.ts');
      const { name, createdAtMs } = await readCharacter({ transport, profile: identity.profile, now }, id, options);
      return { ...NO_FACTS, id, prompt: name, createdAtMs };
    },
    async list() {
      throw new SoraError('not_supported', { title: 'servers do not list their characters' });
    },
  };
}
