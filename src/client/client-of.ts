import { SoraError } from '../domain/errors.ts';
import { NO_JOB_FACTS } from '../domain/video.ts';
import type { VideosClient } from './port.ts';
import type { ClientOptions } from './reply.ts';

/**
 * The client that reads what a submission created: characters and server-side batches have their own routes, and
 * characters have no list. Removing a batch cancels it.
 */
export function clientOf(client: VideosClient, operation: string | undefined, options: ClientOptions): VideosClient {
  switch (operation) {
    case 'character':
      return {
        ...client,
        async get(id, call) {
          const { readCharacter } = await import('./characters.ts');
          const { name, createdAtMs } = await readCharacter(options, id, call);
          return { ...NO_JOB_FACTS, id, status: 'completed', prompt: name, createdAtMs };
        },
        async list() {
          throw new SoraError('not_supported', { title: 'servers do not list their characters' });
        },
      };
    case 'batch':
      return {
        ...client,
        async get(id, call) {
          const { jobOfBatch, readBatch } = await import('./batches.ts');
          return jobOfBatch(await readBatch(options, id, call));
        },
        async remove(id, call) {
          const { cancelBatch } = await import('./batches.ts');
          await cancelBatch(options, id, call);
          return true;
        },
        async list(query, call) {
          const { listBatches } = await import('./batches.ts');
          return listBatches(options, query, call);
        },
      };
    default:
      return client;
  }
}
