import { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { decodeErrorBody } from '../wire/error-body.ts';
import { decodePage } from '../wire/videos.ts';
import type { ApiReply, ExaminedServer } from './subject.ts';

/** Where servers put the API, most usual first. */
const PATHS = ['/v1', '/openai/v1', '/api/v1', ''];

export interface Neighbour {
  readonly finding: string;
  readonly remedy: readonly string[];
}

/** Looks for an address nearby that does answer, and says how to use it; null when there is none. */
export async function findNeighbour(server: ExaminedServer): Promise<Neighbour | null> {
  const { origin } = new URL(server.baseUrl);
  const current = server.baseUrl.replace(/\/+$/, '');
  const candidates = PATHS.map((path) => `${origin}${path}`).filter((candidate) => candidate !== current);
  const answers = await Promise.all(
    candidates.map(async (candidate) => ((await answersVideos(server, candidate)) ? candidate : null)),
  );
  const found = answers.find((candidate) => candidate !== null);
  if (found !== undefined && found !== null) {
    return { finding: `the videos route is not at ${current} but at ${found}`, remedy: [useInstead(server, found)] };
  }
  if (!(await answersGenerations(server))) return null;
  return {
    finding: `${current} speaks the dialect \`generations\`, not \`videos\``,
    remedy: ['add `--dialect generations`'],
  };
}

async function answersVideos(server: ExaminedServer, baseUrl: string): Promise<boolean> {
  const reply = await quietly(server, `${baseUrl}/videos?limit=1`);
  if (reply === null) return false;
  if (reply.status === 200) return decodePage(parseJson(reply.body), { requestId: null, pollAfterMs: null }) !== null;
  return isRefusedByApi(reply);
}

/** An unknown task is unknown in that dialect's own words. */
export async function answersGenerations(server: ExaminedServer): Promise<boolean> {
  const reply = await quietly(server, `${server.baseUrl.replace(/\/+$/, '')}/video/generations/doctor`);
  if (reply === null || reply.status >= 500) return false;
  const { code, message } = decodeErrorBody(reply.body);
  return reply.status === 200
    ? isJsonObject(parseJson(reply.body))
    : code === 'task_not_exist' || (/task|video/i.test(message) === true && !/invalid url|not found$/i.test(message));
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
