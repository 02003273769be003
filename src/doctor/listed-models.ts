import { parseJson } from '../domain/json.ts';
import { decodeModels, modelsRoute } from '../wire/models.ts';
import type { ExaminedServer } from './subject.ts';

/** The names of the models that a server lists; empty where it lists none. Throws a `SoraError` when nothing comes back. */
export async function listedModels(server: Pick<ExaminedServer, 'get' | 'dialect'>): Promise<string[]> {
  const { status, body } = await server.get(modelsRoute(server.dialect));
  const models = status >= 200 && status < 300 ? decodeModels(parseJson(body)) : null;
  return models?.map(({ id }) => id) ?? [];
}

const MAX_NAMED_MODELS = 5;

/** `a, b and 7 more` */
export function namesOf(models: readonly string[]): string {
  const more = models.length - MAX_NAMED_MODELS;
  return `${models.slice(0, MAX_NAMED_MODELS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
