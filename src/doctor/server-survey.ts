import { failureFromReply } from '../client/failure.ts';
import { parseJson } from '../domain/json.ts';
import { sniffMedia } from '../domain/media.ts';
import { decodePage } from '../wire/videos.ts';
import { UNKNOWN_ID } from './neighbours.ts';
import type { ApiReply, ExaminedServer } from './subject.ts';

/** `unknown`: it cannot be seen without making a job, or there is no finished video to try it on. */
export type Ability = 'yes' | 'no' | 'unknown';

/** What a server can do, by the names of the API’s functions. */
export type ServerAbilities = Readonly<Record<(typeof ABILITIES)[number], Ability>>;
const ABILITIES = ['list', 'delete', 'content', 'thumbnail', 'spritesheet', 'range'] as const;

export interface ServerSurvey {
  readonly dialect: 'videos' | 'generations' | 'unknown';
  readonly abilities: ServerAbilities;
}

/** Asks for no more of a file than shows what it is. */
const FIRST_BYTES = { range: 'bytes=0-63' };

/**
 * Looks at what a server can do without making a job: a route that is there
 * misses the video, one that is not misses the address. Files are tried on the
 * newest finished video.
 */
export async function surveyServer(server: ExaminedServer, atMs: number): Promise<ServerSurvey> {
  const unknown = `/videos/${UNKNOWN_ID}`;
  const [list, removal, content] = await Promise.all([
    server.get('/videos?limit=100'),
    server.probe('DELETE', unknown),
    server.probe('GET', `${unknown}/content`),
  ]);
  const page = list.status === 200 ? decodePage(parseJson(list.body), { requestId: null, pollAfterMs: null }) : null;
  const finished = page?.jobs.find(({ status }) => status === 'completed')?.id;
  const files = finished === undefined ? null : await surveyFiles(server, finished);
  const routes = { delete: routeAbility(server, removal, atMs), content: routeAbility(server, content, atMs) };
  const speaksVideos = page !== null || routes.content === 'yes';
  return {
    dialect: speaksVideos ? 'videos' : 'unknown',
    abilities: {
      list: page === null ? 'no' : 'yes',
      delete: routes.delete,
      content: files?.content ?? routes.content,
      thumbnail: files?.thumbnail ?? 'unknown',
      spritesheet: files?.spritesheet ?? 'unknown',
      range: files?.range ?? 'unknown',
    },
  };
}

function routeAbility({ baseUrl, key }: ExaminedServer, reply: ApiReply, atMs: number): Ability {
  const { code } = failureFromReply(reply, { baseUrl, hasKey: key !== null, atMs });
  if (code === 'endpoint_not_found' || code === 'not_supported') return 'no';
  return reply.status < 500 && reply.status !== 401 && reply.status !== 403 ? 'yes' : 'unknown';
}

async function surveyFiles(
  server: ExaminedServer,
  id: string,
): Promise<Record<'content' | 'thumbnail' | 'spritesheet' | 'range', Ability>> {
  const path = `/videos/${encodeURIComponent(id)}/content`;
  const [video, thumbnail, spritesheet] = await Promise.all([
    server.probe('GET', path, FIRST_BYTES),
    server.probe('GET', `${path}?variant=thumbnail`, FIRST_BYTES),
    server.probe('GET', `${path}?variant=spritesheet`, FIRST_BYTES),
  ]);
  return {
    content: fileAbility(video),
    thumbnail: fileAbility(thumbnail),
    spritesheet: fileAbility(spritesheet),
    range: fileAbility(video) === 'yes' ? (video.status === 206 ? 'yes' : 'no') : 'unknown',
  };
}

function fileAbility({ status, head }: ApiReply): Ability {
  return (status === 200 || status === 206) && sniffMedia(head) !== null ? 'yes' : 'no';
}
