import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import { readCharacter } from './characters.ts';
import type { VideosClient } from './port.ts';
import type { ClientOptions } from './reply.ts';

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
export function clientOf(client: VideosClient, operation: string | undefined, options: ClientOptions): VideosClient {
  if (operation !== 'character') return client;
  return {
    ...client,
    async get(id, call) {
      const { name, createdAtMs } = await readCharacter(options, id, call);
      return { ...NO_FACTS, id, prompt: name, createdAtMs };
    },
    async list() {
      throw new SoraError('not_supported', { title: 'servers do not list their characters' });
    },
  };
}
