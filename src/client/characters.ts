import { SoraError } from '../domain/errors.ts';
import { firstText, objectOf, textOf, timeOf } from '../wire/fields.ts';
import { CHARACTERS_ROUTE, jobPath } from '../wire/routes.ts';
import { unreadableReply } from './failure.ts';
import type { CallOptions } from './port.ts';
import { type ClientOptions, readReply } from './reply.ts';

/** A character as its server describes it; everything but the id may be missing. */
export interface ServedCharacter {
  readonly id: string;
  readonly name: string | null;
  readonly createdAtMs: number | null;
}

/** Reads a character. Throws a `SoraError`: `video_not_found` for an unknown one, `not_supported` without such a call. */
export async function readCharacter(
  client: ClientOptions,
  id: string,
  options: CallOptions = {},
): Promise<ServedCharacter> {
  const url = client.transport.urlOf(jobPath(CHARACTERS_ROUTE, id));
  const { reply, context } = await readReply(client, { method: 'GET', url, ...options }, { id }).catch((error) => {
    throw wordsFor(error, id);
  });
  const body = objectOf(reply.value);
  const found = firstText(body.id);
  if (found === null) throw unreadableReply(reply, context);
  return { id: found, name: textOf(body.name), createdAtMs: timeOf(body.created_at) };
}

/** Whether a 404 is about the character rather than the route. */
const UNKNOWN_CHARACTER = /\bcharacter\b.*(not found|does not exist|no such)/i;

function wordsFor(error: unknown, id: string): unknown {
  if (!(error instanceof SoraError)) return error;
  if (error.code === 'video_not_found' || UNKNOWN_CHARACTER.test(error.causedBy ?? '')) {
    return error.as('video_not_found', {
      title: `the server has no character ${id}`,
      hints: ['check the id, and that `--profile` or `--base-url` selects its server'],
    });
  }
  if (error.code !== 'endpoint_not_found') return error;
  return error.as('not_supported', { title: 'the server cannot use characters' });
}
