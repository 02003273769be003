import { isJsonObject } from '../domain/json.ts';
import { firstText, textOf, timeOf } from '../wire/fields.ts';
import { jobPath } from '../wire/job-path.ts';
import { CHARACTERS_ROUTE } from '../wire/routes.ts';
import { unreadableReply } from './failure.ts';
import type { CallOptions } from './port.ts';
import { type ClientOptions, contextFor, readReply } from './reply.ts';

/** A character as its server describes it; everything but the id may be missing. */
export interface ServedCharacter {
  readonly id: string;
  readonly name: string | null;
  readonly createdAtMs: number | null;
}

/** Reads a character. Throws a `SoraError`: `video_not_found` for an unknown one. */
export async function readCharacter(
  client: ClientOptions,
  id: string,
  options: CallOptions = {},
): Promise<ServedCharacter> {
  const context = contextFor(client, { id });
  const url = client.transport.urlOf(jobPath(CHARACTERS_ROUTE, id));
  const reply = await readReply(client.transport, { method: 'GET', url, ...options }, context);
  const body = isJsonObject(reply.value) ? reply.value : {};
  const found = firstText(body.id);
  if (found === null) throw unreadableReply(reply, context);
  return { id: found, name: textOf(body.name), createdAtMs: timeOf(body.created_at) };
}
