import { createRoute, type OpenAPIHono, z } from '@hono/zod-openapi';
import { readCharacter } from '../client/characters.ts';
import { clientOf } from '../client/client-of.ts';
import { isoTime } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { mediaTypeOf, sniffMedia } from '../domain/media.ts';
import { estimate } from '../domain/pricing.ts';
import type { JobRecord } from '../domain/record.ts';
import { missingFor } from '../domain/request-gate.ts';
import type { VideoFile } from '../domain/video.ts';
import {
  CHARACTER_PRICE_FACTS,
  characterNameFaults,
  characterRequest,
  findCharacter,
  requireMade,
} from '../jobs/character.ts';
import { submit } from '../jobs/submit.ts';
import { common, failures, findJob, microsOf, type RestDeps } from './rest-routes.ts';
import { CharacterOrder, CharacterSchema, json } from './rest-schemas.ts';
import { readSaved } from './saved-media.ts';

export const CHARACTERS_PATH = '/api/v1/characters';

const createCharacter = createRoute({
  ...common,
  method: 'post',
  path: CHARACTERS_PATH,
  operationId: 'createCharacterOf',
  summary: 'Create a character from a finished video of this service; the same name and video return the same one',
  request: { body: { required: true, content: json(CharacterOrder) } },
  responses: { 201: { description: 'The character', content: json(CharacterSchema) }, ...failures },
});

const showCharacter = createRoute({
  ...common,
  method: 'get',
  path: `${CHARACTERS_PATH}/{id}`,
  operationId: 'readCharacterOf',
  summary: 'Read a character',
  request: { params: z.object({ id: z.string() }) },
  responses: { 200: { description: 'The character', content: json(CharacterSchema) }, ...failures },
});

/** Characters from the videos of the service, paid once as videos are. */
export function addCharacterRoutes(app: OpenAPIHono, { desk, upstream, objects, log }: RestDeps): void {
  const { client, clock, ledger, server, randomBytes, capabilities, budget, prices, transport } = upstream;
  const direct = { transport, profile: server.profile, now: () => clock.now() };

  app.openapi(createCharacter, async (c) => {
    const { name, video, maxCostUsd } = c.req.valid('json');
    const violations = [...missingFor({ operation: 'character' }, capabilities), ...characterNameFaults(name)];
    if (violations.length > 0) throw new SoraError('invalid_request', { violations, hints: [] });
    const request = characterRequest(name, await readVideo(video));
    const made = await findCharacter(ledger, request, server);
    if (made !== undefined) return c.json(viewOf(made), 201);
    const price = estimate(CHARACTER_PRICE_FACTS, clock.now(), prices);
    const id = `character_${Buffer.from(randomBytes(8)).toString('hex')}`;
    await budget.admit(id, price?.micros ?? null, microsOf(maxCostUsd));
    const { record } = await submit(
      { ...upstream, client: clientOf(client, 'character', direct) },
      { request, estimate: price },
    ).catch((error: unknown) => {
      budget.release(id);
      throw error;
    });
    requireMade(record);
    log('info', 'Character created', { id: record.job?.id });
    return c.json(viewOf(record), 201);
  });

  app.openapi(showCharacter, async (c) => {
    const [missing] = missingFor({ operation: 'character' }, capabilities);
    if (missing !== undefined) throw new SoraError('not_supported', { title: missing, hints: [] });
    const { id, name, createdAtMs } = await readCharacter(direct, c.req.valid('param').id);
    return c.json({ id, name, createdAt: isoTime(createdAtMs) }, 200);
  });

  async function readVideo(id: string): Promise<VideoFile> {
    const { files } = await findJob(desk, id);
    const file = files.find(({ variant }) => variant === 'video');
    if (file === undefined) throw new SoraError('content_not_ready', { hints: [] });
    const bytes = await readSaved(file, objects);
    return { kind: 'file', name: `${id}.mp4`, mimeType: mediaTypeOf(sniffMedia(bytes) ?? 'mp4'), bytes };
  }
}

function viewOf({ job, key, request }: JobRecord): z.infer<typeof CharacterSchema> {
  return { id: job?.id ?? key, name: request.prompt, createdAt: isoTime(job?.createdAtMs ?? null) };
}
