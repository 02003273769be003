import { isSuccess } from '../../client/reply.ts';
import { parseJson } from '../../domain/json.ts';
import type { ListedModel } from '../../domain/listed-model.ts';
import { decodeModels, modelsRoute } from '../../wire/models.ts';
import type { ExaminedServer } from './examined-server.ts';

/** The names of the models that a server lists; empty if it has none. Throws a `SoraError` without a reply. */
export async function listedModels(server: ExaminedServer): Promise<string[]> {
  return (await readList(server)).map(({ id }) => id);
}

/** The owner of all its models, as the server reports it; null if that does not identify the server. */
export async function listedOwner(server: ExaminedServer): Promise<string | null> {
  const owners = new Set((await readList(server)).map(({ owner }) => owner));
  const [owner = null] = owners;
  return owners.size === 1 ? owner : null;
}

async function readList(server: ExaminedServer): Promise<readonly ListedModel[]> {
  const reply = await server.get(modelsRoute(server.configuration.dialect.value));
  return (isSuccess(reply) ? decodeModels(parseJson(reply.body)) : null) ?? [];
}

const MAX_NAMED_MODELS = 5;

/** `a, b and 7 more` */
export function namesOf(models: readonly string[]): string {
  const more = models.length - MAX_NAMED_MODELS;
  return `${models.slice(0, MAX_NAMED_MODELS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
