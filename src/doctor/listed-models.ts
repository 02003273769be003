import { isJsonObject, parseJson } from '../domain/json.ts';
import type { ExaminedServer } from './subject.ts';

/** The names of the models that a server lists; empty where it lists none. Throws a `SoraError` when nothing comes back. */
export async function listedModels(server: Pick<ExaminedServer, 'get'>): Promise<string[]> {
  const { status, body } = await server.get('/models');
  const list = status >= 200 && status < 300 ? parseJson(body) : null;
  const data = isJsonObject(list) && Array.isArray(list.data) ? list.data : [];
  return data.flatMap((entry) => (isJsonObject(entry) && typeof entry.id === 'string' ? [entry.id] : []));
}

const MAX_NAMED_MODELS = 5;

/** `a, b and 7 more` */
export function namesOf(models: readonly string[]): string {
  const more = models.length - MAX_NAMED_MODELS;
  return `${models.slice(0, MAX_NAMED_MODELS).join(', ')}${more > 0 ? ` and ${more} more` : ''}`;
}
