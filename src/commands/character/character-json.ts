import type { ServedCharacter } from '../../client/characters.ts';

/** A character for programs; the keys are a public interface. */
export function characterJson({ id, name, createdAtMs }: ServedCharacter, profile: string): Record<string, unknown> {
  const createdAt = createdAtMs === null ? null : new Date(createdAtMs).toISOString();
  return { id, name, created_at: createdAt, profile };
}
