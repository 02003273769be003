import { failureFromReply } from '../../client/failure.ts';
import { DIALECTS, type DialectName } from '../../domain/dialect.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import { isJsonObject, parseJson } from '../../domain/json.ts';
import { PRESETS } from '../../domain/presets.ts';
import { shellWord } from '../../domain/shell.ts';
import { GENERATIONS_ROUTE } from '../../wire/routes.ts';
import { decodePage } from '../../wire/videos.ts';
import type { ApiReply, ExaminedServer } from './examined-server.ts';

/** The usual paths of the API, most common first. */
const PATHS = ['/v1', '/openai/v1', '/api/v1', ''];
/** A call's full address used as base URL. */
const ENDPOINT = /\/(videos|video\/generations|chat\/completions|responses|models)$/;

export interface Neighbour {
  readonly finding: string;
  readonly remedy: readonly string[];
}

/** An id that no job has. */
export const UNKNOWN_ID = 'video_that_does_not_exist';

/** An address of the API, and its dialect. */
interface Place {
  readonly baseUrl: string;
  readonly dialect: DialectName;
}

/** Searches for a working address nearby, or another dialect, and returns how to use it; null if there is none. */
export async function findNeighbour(server: ExaminedServer): Promise<Neighbour | null> {
  const current: Place = { baseUrl: baseUrlOf(server), dialect: dialectOf(server) };
  const place = knownPlace(current) ?? (await firstAnswer(server, placesAround(current)));
  return place === null ? null : { finding: describe(current, place), remedy: useInstead(server, current, place) };
}

/** The shape of dialect `generations`, as far as an unknown task shows it; null if the server does not speak it. */
export async function generationsDialect(
  server: ExaminedServer,
  baseUrl = baseUrlOf(server),
): Promise<'generations' | 'new-api' | null> {
  const reply = await server.get(`${baseUrl}${GENERATIONS_ROUTE}/${UNKNOWN_ID}`).catch(soraErrorOf);
  if (reply instanceof SoraError) return null;
  if (reply.body.includes('task_not_exist')) return 'new-api';
  if (reply.status === 200) return isJsonObject(parseJson(reply.body)) ? 'generations' : null;
  const { code } = failureFromReply(reply, { baseUrl, hasKey: server.configuration.key !== null, atMs: 0 });
  // A reply that repeats the address misses the address, not the task.
  return code === 'video_not_found' && !reply.body.includes(GENERATIONS_ROUTE) ? 'generations' : null;
}

/** The dialect chosen by the profile or the command line. */
export function dialectOf({ configuration }: ExaminedServer): DialectName {
  return DIALECTS[configuration.dialect.value].name;
}

function baseUrlOf({ configuration }: ExaminedServer): string {
  return configuration.baseUrl.value.replace(/\/+$/, '');
}

/** Some services have only one address. */
function knownPlace(current: Place): Place | null {
  const { host } = new URL(current.baseUrl);
  const preset = PRESETS.find(({ baseUrl }) => baseUrl?.startsWith('https:') && new URL(baseUrl).host === host);
  if (preset === undefined || preset.baseUrl === null) return null;
  const { baseUrl, dialect } = preset;
  return baseUrl === current.baseUrl && dialect === current.dialect ? null : { baseUrl, dialect };
}

/** The same dialect at other addresses, then the other dialect at all of them; only on the same server. */
function placesAround({ baseUrl, dialect }: Place): Place[] {
  const { origin, pathname } = new URL(baseUrl);
  const path = pathname.replace(/\/+$/, '');
  const stems = [path.replace(ENDPOINT, ''), path, '/'].map((stem) => stem.replace(/(\/v1|\/openai|\/api|\/)+$/, ''));
  const around = stems.flatMap((stem) => PATHS.map((end) => `${origin}${stem}${end}`));
  const bases = [...new Set([baseUrl, ...around])].filter((base) => !ENDPOINT.test(base));
  const other = dialect === 'generations' ? 'videos' : 'generations';
  return [
    ...bases.filter((base) => base !== baseUrl).map((base) => ({ baseUrl: base, dialect })),
    ...bases.map((base) => ({ baseUrl: base, dialect: other }) as const),
  ];
}

async function firstAnswer(server: ExaminedServer, places: readonly Place[]): Promise<Place | null> {
  const answers = await Promise.all(
    places.map(async ({ baseUrl, dialect }) =>
      dialect === 'generations'
        ? (await generationsDialect(server, baseUrl)) !== null
        : await answersVideos(server, baseUrl),
    ),
  );
  return places.find((_, at) => answers[at]) ?? null;
}

async function answersVideos(server: ExaminedServer, baseUrl: string): Promise<boolean> {
  const reply = await server.get(`${baseUrl}/videos?limit=1`).catch(soraErrorOf);
  if (reply instanceof SoraError) return false;
  if (reply.status === 200) return pageIn(reply) !== null;
  return isRefusedByApi(reply);
}

/** A page of a list of videos; null if the reply is not one. */
export function pageIn({ body }: ApiReply): ReturnType<typeof decodePage> {
  return decodePage(parseJson(body), { requestId: null, pollAfterMs: null });
}

/** The route exists, although it rejects the key, requires more, or accepts only creates. */
function isRefusedByApi({ status, body }: ApiReply): boolean {
  return [400, 401, 403, 405, 422].includes(status) && isJsonObject(parseJson(body));
}

function describe(current: Place, { baseUrl, dialect }: Place): string {
  if (dialect === current.dialect) return `the videos route is not at ${current.baseUrl} but at ${baseUrl}`;
  const where = baseUrl === current.baseUrl ? baseUrl : `the server answers at ${baseUrl}, and there it`;
  return `${where} speaks the dialect \`${dialect}\`, not \`${current.dialect}\``;
}

/** The fix, at the places where the address and the dialect were set. */
function useInstead({ configuration }: ExaminedServer, current: Place, { baseUrl, dialect }: Place): string[] {
  const { origin } = configuration.baseUrl;
  const isProfiles = origin.startsWith('profile ');
  const set = (name: string, value: string): string =>
    `sora config set profiles.${configuration.profile.value}.${name} ${shellWord(value)}`;
  const [variables, commands, options]: [string[], string[], string[]] = [[], [], []];
  if (baseUrl !== current.baseUrl) {
    if (isProfiles) commands.push(set('base_url', baseUrl));
    else if (/^[A-Z_]+$/.test(origin)) variables.push(`set \`${origin}=${baseUrl}\``);
    else options.push(`--base-url ${shellWord(baseUrl)}`);
  }
  if (dialect !== current.dialect) {
    if (isProfiles && !configuration.dialect.origin.startsWith('option ')) commands.push(set('dialect', dialect));
    else options.push(`--dialect ${dialect}`);
  }
  return [
    ...variables,
    ...(commands.length > 0 ? [`run \`${commands.join(' && ')}\``] : []),
    ...(options.length > 0 ? [`add \`${options.join(' ')}\``] : []),
  ];
}
