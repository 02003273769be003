import { failureFromReply, unreadableReply } from '../../client/failure.ts';
import { isSuccess } from '../../client/reply.ts';
import type { Dialect } from '../../domain/dialect.ts';
import { parseJson } from '../../domain/json.ts';
import { fitsVariant, sniffMedia } from '../../domain/media.ts';
import type { Derivation, Variant } from '../../domain/video.ts';
import { GENERATIONS_ROUTE } from '../../wire/routes.ts';
import type { ApiReply, ExaminedServer, FileReply } from './examined-server.ts';
import { type Ability, undo } from './format-survey.ts';
import { dialectOf, generationsDialect, pageIn, UNKNOWN_ID } from './neighbours.ts';

/** What a server shows without a job, by the functions of the API. */
export interface ServerSurvey {
  /** The one that was chosen. */
  readonly dialect: Dialect | 'unknown';
  readonly abilities: Readonly<
    Record<'list' | 'delete' | 'content' | 'thumbnail' | 'spritesheet' | 'range' | Derivation, Ability>
  >;
  /** Whether it answers for videos that do not exist, as mock servers do, so its answers prove nothing. */
  readonly isMock: boolean;
  /** How to find out what is unknown. */
  readonly notes: readonly string[];
}

/**
 * Finds out what a server can do without creating a job: an existing route reports a missing video, a missing route a missing
 * address. Downloads are tried on the newest finished video. Throws an error that hides everything else, such as a rejected key.
 */
export async function surveyServer(server: ExaminedServer, atMs: number): Promise<ServerSurvey> {
  const unknown = `/videos/${UNKNOWN_ID}`;
  const [list, removal, content, generations] = await Promise.all([
    server.get('/videos?limit=100'),
    server.probe('DELETE', unknown),
    server.probe('GET', `${unknown}/content`),
    generationsDialect(server),
  ]);
  // If one dialect answers, a page is not a captive portal but the server's reply for a missing route.
  const routeAbility = (reply: ApiReply): Ability =>
    generations !== null && isPage(reply) ? 'no' : abilityShownBy(server, reply, atMs);
  const page = list.status === 200 ? pageIn(list) : null;
  const isMock = isSuccess(content) && !isHtml(content);
  const unlessMock = (reply: ApiReply): Ability => (isMock ? 'unknown' : routeAbility(reply));
  const routes = { list: routeAbility(list), delete: unlessMock(removal), content: unlessMock(content) };
  const speaksVideos = page !== null || routes.content === 'yes' || isMock;
  if (generations !== null && (dialectOf(server) === 'generations' || !speaksVideos)) {
    const unknownJob = await server.probe('DELETE', `${GENERATIONS_ROUTE}/${UNKNOWN_ID}`);
    return surveyOfGenerations(generations, routeAbility(unknownJob));
  }
  const finished = isMock ? undefined : page?.jobs.find(({ status }) => status === 'completed')?.id;
  const files = finished === undefined ? null : await surveyFiles(server, finished);
  const derivations = isMock || !speaksVideos ? UNKNOWN_DERIVATIONS : await surveyDerivations(server, atMs);
  return {
    // The two shapes share their routes, and only one of them has a list.
    dialect: !speaksVideos ? 'unknown' : page === null && dialectOf(server) === 'openrouter' ? 'openrouter' : 'videos',
    abilities: {
      // A server that asks for more, or returns something other than a list, counts as having none.
      list: page !== null ? 'yes' : routes.list === 'unknown' ? 'unknown' : 'no',
      delete: routes.delete,
      ...(files ?? { content: routes.content, ...UNKNOWN_FILES }),
      ...derivations,
    },
    isMock,
    notes: isMock ? [MOCK] : files === null ? [UNTIL_FINISHED] : [],
  };
}

const MOCK = 'the server also returns the content of a video that does not exist: its answers prove nothing';
const UNTIL_FINISHED = 'thumbnail, spritesheet and range: unknown until the server lists a finished video';

/** The dialect has no list, and a job contains the address of its video. */
function surveyOfGenerations(dialect: Dialect, removal: Ability): ServerSurvey {
  return {
    dialect,
    abilities: {
      list: 'no',
      delete: removal,
      content: 'unknown',
      thumbnail: 'no',
      spritesheet: 'no',
      range: 'unknown',
      remix: 'no',
      edit: 'no',
      extend: 'no',
    },
    isMock: false,
    notes: ['content and range: unknown, since this dialect cannot list finished videos'],
  };
}

const UNKNOWN_FILES = { thumbnail: 'unknown', spritesheet: 'unknown', range: 'unknown' } as const;
const UNKNOWN_DERIVATIONS = { remix: 'unknown', edit: 'unknown', extend: 'unknown' } as const;

/** Without a prompt and an existing video, so that an existing route has two reasons to refuse. */
const DERIVATIONS: Readonly<Record<Derivation, readonly [path: string, body: object]>> = {
  remix: [`/videos/${UNKNOWN_ID}/remix`, {}],
  edit: ['/videos/edits', { video: { id: UNKNOWN_ID } }],
  extend: ['/videos/extensions', { video: { id: UNKNOWN_ID }, seconds: '4' }],
};

async function surveyDerivations(server: ExaminedServer, atMs: number): Promise<Record<Derivation, Ability>> {
  const abilities = Object.entries(DERIVATIONS).map(async ([operation, [path, body]]) => {
    const reply = await server.probe('POST', path, { type: 'application/json', text: JSON.stringify(body) });
    if (isPage(reply)) return [operation, 'no'];
    if (reply.status < 300) await undo(reply, server);
    return [operation, abilityShownBy(server, reply, atMs)];
  });
  return Object.fromEntries(await Promise.all(abilities));
}

/** Refusals that hide whether a route exists. */
const HIDING: ReadonlySet<string> = new Set(['no_api_key', 'invalid_api_key', 'service_retired', 'proxy_failure']);

/** What refusals show about a route; any other, such as a 500, shows nothing. */
const SHOWN: Readonly<Record<string, Ability>> = {
  video_not_found: 'yes',
  invalid_request: 'yes',
  content_expired: 'yes',
  endpoint_not_found: 'no',
  not_supported: 'no',
};

/** Whether the route of a reply exists. */
function abilityShownBy({ configuration }: ExaminedServer, reply: ApiReply, atMs: number): Ability {
  const { baseUrl, key } = configuration;
  const context = { baseUrl: baseUrl.value, hasKey: key !== null, atMs };
  if (isPage(reply)) throw unreadableReply(reply, context);
  if (isSuccess(reply)) return 'yes';
  const refusal = failureFromReply(reply, context);
  if (HIDING.has(refusal.code)) throw refusal;
  return SHOWN[refusal.code] ?? 'unknown';
}

/** Whether a 2xx comes from something other than the API. */
function isPage(reply: ApiReply): boolean {
  return isSuccess(reply) && reply.body.trim() !== '' && parseJson(reply.body) === undefined;
}

function isHtml({ body }: ApiReply): boolean {
  return /^\s*<(!doctype|html|head|body)/i.test(body);
}

async function surveyFiles(
  server: ExaminedServer,
  id: string,
): Promise<Record<'content' | 'thumbnail' | 'spritesheet' | 'range', Ability>> {
  const path = `/videos/${encodeURIComponent(id)}/content`;
  const [video, thumbnail, spritesheet, nothing] = await Promise.all([
    server.peek(path),
    server.peek(`${path}?variant=thumbnail`),
    server.peek(`${path}?variant=spritesheet`),
    server.peek(`${path}?variant=${UNKNOWN_VARIANT}`),
  ]);
  const content = fileAbility(video, 'video');
  const ofPicture = (file: FileReply, variant: Variant): Ability =>
    isSameFile(file, nothing) ? 'no' : fileAbility(file, variant);
  return {
    content,
    thumbnail: ofPicture(thumbnail, 'thumbnail'),
    spritesheet: ofPicture(spritesheet, 'spritesheet'),
    range: content !== 'yes' ? 'unknown' : video.status === 206 ? 'yes' : 'no',
  };
}

function fileAbility({ status, head }: FileReply, variant: Variant): Ability {
  const kind = status === 200 || status === 206 ? sniffMedia(head) : null;
  return kind !== null && fitsVariant(kind, variant) ? 'yes' : 'no';
}

/** A server that ignores the variant returns one file for all, also for a variant that does not exist. */
const UNKNOWN_VARIANT = 'none';

function isSameFile(one: FileReply, other: FileReply): boolean {
  return one.status === other.status && Buffer.compare(one.head, other.head) === 0;
}
