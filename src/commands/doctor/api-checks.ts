import { failureFromReply, unreadableReply } from '../../client/failure.ts';
import { serverModel } from '../../client/profile-client.ts';
import { isSuccess } from '../../client/reply.ts';
import { expectedModel } from '../../configuration/endpoint.ts';
import type { CheckOutcome } from '../../domain/check.ts';
import { DIALECTS, type Dialect } from '../../domain/dialect.ts';
import type { SoraError } from '../../domain/errors.ts';
import { isJsonObject, parseJson } from '../../domain/json.ts';
import { CUSTOM_PROFILE } from '../../domain/profile-names.ts';
import { shellWord } from '../../domain/shell.ts';
import { ROUTES } from '../../wire/routes.ts';
import { type Check, check, failure, pass, type Subject, skip, warn } from './check.ts';
import type { ApiReply, ExaminedServer } from './examined-server.ts';
import { listedModels, namesOf } from './listed-models.ts';
import { findNeighbour, pageIn, UNKNOWN_ID } from './neighbours.ts';

const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** A server's date has no fractions of a second. */
const DATE_RESOLUTION_S = 1;
/** Replies of a server that does not have the route. */
const NO_ROUTE = new Set<string>(['endpoint_not_found', 'not_supported', 'video_not_found', 'invalid_request']);
/** Replies that prove nothing about a single model. */
const SILENT_ON_MODEL: ReadonlySet<string> = new Set([...NO_ROUTE, 'permission_denied', 'unreadable_response']);
/** Replies of something other than the API. */
const NOT_THE_API: ReadonlySet<string> = new Set(['endpoint_not_found', 'unreadable_response', 'video_not_found']);

const REACHABLE = ['key', 'base_url', 'tls', 'tcp', 'dns'];

const NO_LIST = 'the server has no list of videos; the local ledger is used instead';

/** Checks of the API that cost nothing. */
export const API_CHECKS: readonly Check[] = [
  check('authentication', 'authentication', REACHABLE, async (subject) => {
    const { refusal } = await ask(subject, '/models');
    if (refusal === null) return pass('GET /models is accepted');
    if (refusal.code === 'permission_denied')
      return warn(`the key may not list models (this does not affect videos): ${refusal.causedBy}`);
    return NO_ROUTE.has(refusal.code)
      ? warn('the server has no list of models, so the key could not be checked')
      : failure(refusal);
  }),
  check('clock', 'clock', ['authentication'], async (subject) => {
    const { reply } = await ask(subject, '/models');
    const serverMs = Date.parse(reply.headers.date ?? '');
    if (Number.isNaN(serverMs)) return skip('the server sends no date');
    const offMs = subject.deps.host.clock.now() - serverMs;
    const seconds = Math.round(Math.abs(offMs) / 1000);
    if (seconds <= DATE_RESOLUTION_S) return pass('this clock agrees with the server’s');
    const off = `${seconds} s ${offMs < 0 ? 'behind' : 'ahead of'} the server`;
    return Math.abs(offMs) > CLOCK_TOLERANCE_MS
      ? warn(`this clock is ${off}`, 'set the clock: signatures and expiry depend on it')
      : pass(`this clock is ${off}`);
  }),
  check('model', 'model access', REACHABLE, async (subject) => {
    const server = subject.server();
    const wanted = expectedModel(server.configuration);
    const profile = server.configuration.profile.value;
    if (wanted === null) return proposeModel(await listedModels(server), profile);
    const model = serverModel(wanted, server.configuration.modelNames);
    const [{ refusal }, listed] = await Promise.all([
      ask(subject, `/models/${encodeURIComponent(model)}`, { model }),
      listedModels(server),
    ]);
    if (refusal === null) return pass(`${model} is available`);
    const isListed = listed.includes(model);
    const isSilent = SILENT_ON_MODEL.has(refusal.code);
    if (isSilent && isListed) return pass(`${model} is in the list of models`);
    if (isSilent && listed.length === 0) return warn(`the server does not say whether it has ${model}`);
    const others = `the server lists ${namesOf(listed)}`;
    if (isSilent) return warn(`${model} is not available: ${others}`, useListed(listed, profile));
    const { detail, remedy = [], ...outcome } = failure(refusal);
    const helps = refusal.code === 'model_not_found' && listed.length > 0 && !isListed;
    return helps
      ? { ...outcome, detail: `${detail}; ${others}`, remedy: [useListed(listed, profile), ...remedy] }
      : failure(refusal);
  }),
  check('videos', 'videos route', REACHABLE, async (subject) => {
    const { configuration } = subject.server();
    const dialect = configuration.dialect.value;
    if (DIALECTS[dialect].missing.includes('list')) return checkUnknownJob(subject, dialect);
    if (configuration.missing.has('list')) {
      const outcome = await checkUnknownJob(subject, dialect);
      // Other replies to an unknown id prove nothing.
      const isConclusive = outcome.status !== 'fail' || NOT_THE_API.has(outcome.code ?? '');
      return isConclusive ? outcome : skip('the profile says that the server has no list of videos');
    }
    const { server, reply, refusal } = await ask(subject, '/videos?limit=1');
    if (refusal === null) {
      const page = pageIn(reply);
      if (page === null) {
        const unreadable = unreadableReply(reply, contextOf(subject, server));
        return (await suggestNeighbour(server, unreadable)) ?? failure(unreadable);
      }
      return pass(page.jobs.length === 0 ? 'it works; there are no videos yet' : 'it works');
    }
    if (refusal.code === 'not_supported') return warn(NO_LIST);
    if (refusal.code !== 'invalid_request') {
      const neighbour = await suggestNeighbour(server, refusal);
      if (neighbour !== null) return neighbour;
      if (!NOT_THE_API.has(refusal.code)) return failure(refusal);
      const ofJob = (await askForUnknownJob(subject, dialect)).refusal;
      return ofJob?.code === 'video_not_found' ? warn(NO_LIST) : failure(refusal);
    }
    return isJsonObject(parseJson(reply.body))
      ? warn(`the route exists, but listing videos requires more: ${refusal.causedBy}`)
      : failure(refusal);
  }),
];

/** Without a list, requests a job that does not exist: an existing route reports a missing job, not a missing address. */
function askForUnknownJob(subject: Subject, dialect: Dialect): Promise<Answer> {
  return ask(subject, `${ROUTES[dialect]}/${UNKNOWN_ID}`);
}

async function checkUnknownJob(subject: Subject, dialect: Dialect): Promise<CheckOutcome> {
  const { server, reply, refusal } = await askForUnknownJob(subject, dialect);
  if (refusal === null || refusal.code === 'video_not_found') return pass('it works');
  if (refusal.code === 'not_supported') return warn('the server has no call to read a job');
  const neighbour = await suggestNeighbour(server, refusal);
  if (neighbour !== null) return neighbour;
  return reply.status === 404 && refusal.code === 'endpoint_not_found'
    ? warn('the reply does not show whether the job or the route is missing')
    : failure(refusal);
}

function proposeModel(listed: readonly string[], profile: string): CheckOutcome {
  return listed.length === 0
    ? skip('no model is set, and the server lists none; without one, the server chooses')
    : warn(`no model is set; the server lists ${namesOf(listed)}`, useListed(listed, profile));
}

/** Only a single listed model is used: which of several makes videos is unknown. */
function useListed(listed: readonly string[], profile: string): string {
  const name = listed.length === 1 ? shellWord(listed[0] ?? '') : 'NAME';
  return profile === CUSTOM_PROFILE
    ? `set \`SORA_MODEL=${name}\`, or add \`--model ${name}\` to \`sora create\``
    : `run \`sora config set profiles.${profile}.model ${name}\``;
}

interface Answer {
  readonly server: ExaminedServer;
  readonly reply: ApiReply;
  /** Null for a 2xx with JSON. */
  readonly refusal: SoraError | null;
}

async function ask(subject: Subject, path: string, facts: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const server = subject.server();
  const reply = await server.get(path);
  const context = contextOf(subject, server, facts);
  if (!isSuccess(reply)) return { server, reply, refusal: failureFromReply(reply, context) };
  return { server, reply, refusal: parseJson(reply.body) === undefined ? unreadableReply(reply, context) : null };
}

function contextOf(subject: Subject, server: ExaminedServer, facts: Readonly<Record<string, string>> = {}) {
  const { baseUrl, key, profile } = server.configuration;
  const atMs = subject.deps.host.clock.now();
  return { baseUrl: baseUrl.value, hasKey: key !== null, atMs, facts: { profile: profile.value, ...facts } };
}

/** A reply that is not the API's may mean a wrong address: looks for a working one nearby. */
async function suggestNeighbour(server: ExaminedServer, refusal: SoraError): Promise<CheckOutcome | null> {
  const neighbour = NOT_THE_API.has(refusal.code) ? await findNeighbour(server) : null;
  return neighbour && failure(refusal.with({ title: neighbour.finding, hints: neighbour.remedy }));
}
