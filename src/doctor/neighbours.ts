import { failureFromReply } from '../client/failure.ts';
import { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { GENERATIONS_ROUTE, WIRE_FORMS } from '../wire/forms.ts';
import { decodePage } from '../wire/videos.ts';
import type { ApiReply, ExaminedServer } from './subject.ts';

/** Where servers put the API, most usual first. */
const PATHS = ['/v1', '/openai/v1', '/api/v1', ''];

export interface Neighbour {
  readonly finding: string;
  readonly remedy: readonly string[];
}

/** No job has this id. */
export const UNKNOWN_ID = 'video_that_does_not_exist';

type Probe = (server: ExaminedServer, baseUrl: string) => Promise<boolean>;

/** Looks for an address nearby that does answer, or another dialect, and says how to use it; null when there is none. */
export async function findNeighbour(server: ExaminedServer): Promise<Neighbour | null> {
  const { origin } = new URL(server.baseUrl);
  const current = server.baseUrl.replace(/\/+$/, '');
  const speaksGenerations = WIRE_FORMS[server.form].route === GENERATIONS_ROUTE;
  const [own, other]: readonly [Probe, Probe] = speaksGenerations
    ? [answersGenerations, answersVideos]
    : [answersVideos, answersGenerations];
  const candidates = PATHS.map((path) => `${origin}${path}`).filter((candidate) => candidate !== current);
  const answers = await Promise.all(
    candidates.map(async (candidate) => ((await own(server, candidate)) ? candidate : null)),
  );
  const found = answers.find((candidate) => candidate !== null);
  if (found !== undefined && found !== null) {
    return { finding: `the videos route is not at ${current} but at ${found}`, remedy: [useInstead(server, found)] };
  }
  if (!(await other(server, current))) return null;
  const [theirs, ours] = speaksGenerations ? ['videos', 'generations'] : ['generations', 'videos'];
  return {
    finding: `${current} speaks the dialect \`${theirs}\`, not \`${ours}\``,
    remedy: [`add \`--dialect ${theirs}\``],
  };
}

async function answersVideos(server: ExaminedServer, baseUrl: string): Promise<boolean> {
  const reply = await quietly(server, `${baseUrl}/videos?limit=1`);
  if (reply === null) return false;
  if (reply.status === 200) return decodePage(parseJson(reply.body), { requestId: null, pollAfterMs: null }) !== null;
  return isRefusedByApi(reply);
}

/** An unknown task is unknown in that dialect's own words. */
export async function answersGenerations(server: ExaminedServer, baseUrl: string): Promise<boolean> {
  const reply = await quietly(server, `${baseUrl}${GENERATIONS_ROUTE}/${UNKNOWN_ID}`);
  if (reply === null) return false;
  if (reply.status === 200) return isJsonObject(parseJson(reply.body));
  const { code } = failureFromReply(reply, { baseUrl, hasKey: server.key !== null, atMs: 0 });
  // Who repeats the address misses that, and not the task.
  return code === 'video_not_found' && !reply.body.includes(GENERATIONS_ROUTE);
}

/** The route is there, only the key is not right for it. */
function isRefusedByApi({ status, body }: ApiReply): boolean {
  return (status === 401 || status === 403) && isJsonObject(parseJson(body));
}

async function quietly(server: ExaminedServer, url: string): Promise<ApiReply | null> {
  try {
    return await server.get(url);
  } catch (error) {
    if (error instanceof SoraError) return null;
    throw error;
  }
}

/** The change at the place where the base URL was set. */
function useInstead({ baseUrlOrigin, profile }: ExaminedServer, found: string): string {
  if (baseUrlOrigin.startsWith('profile ')) return `run \`sora config set profiles.${profile}.base_url ${found}\``;
  if (/^[A-Z_]+$/.test(baseUrlOrigin)) return `run \`export ${baseUrlOrigin}=${found}\``;
  return `add \`--base-url ${found}\``;
}
