import { failureFromReply, unreadableReply } from '../client/failure.ts';
import type { CheckOutcome } from '../domain/check.ts';
import { ABILITIES, type ApiForm } from '../domain/dialect.ts';
import type { SoraError } from '../domain/errors.ts';
import { isJsonObject, parseJson } from '../domain/json.ts';
import { WIRE_FORMS } from '../wire/forms.ts';
import { decodePage } from '../wire/videos.ts';
import { type Check, failure, pass, skip, warn } from './check.ts';
import { findNeighbour, UNKNOWN_ID } from './neighbours.ts';
import type { ApiReply, ExaminedServer, Subject } from './subject.ts';

const CLOCK_TOLERANCE_MS = 5 * 60_000;
/** Answers that a server gives when it just has no such route. */
const NO_ROUTE: ReadonlySet<string> = new Set([
  'endpoint_not_found',
  'not_supported',
  'video_not_found',
  'invalid_request',
]);
/** What the API itself answers, free of charge. */
export const API_CHECKS: readonly Check<Subject>[] = [
  {
    id: 'authentication',
    title: 'authentication (GET /models)',
    needs: ['key', 'base_url', 'tls', 'tcp', 'dns'],
    async run(subject) {
      const { server, reply, refusal } = await ask(subject, '/models');
      if (refusal === null) {
        if (parseJson(reply.body) === undefined) throw unreadableReply(reply, contextOf(subject, server));
        return pass('the server accepts the call');
      }
      return NO_ROUTE.has(refusal.code)
        ? warn('the server has no list of models, which says nothing about the key')
        : failure(refusal);
    },
  },
  {
    id: 'clock',
    title: 'clock',
    needs: ['authentication'],
    async run(subject) {
      const { reply } = await ask(subject, '/models');
      const theirsMs = Date.parse(reply.headers.date ?? '');
      if (Number.isNaN(theirsMs)) return skip('the server tells no time');
      const offMs = subject.clock.now() - theirsMs;
      const off = `${Math.round(Math.abs(offMs) / 1000)} s ${offMs < 0 ? 'behind' : 'ahead of'} the server`;
      return Math.abs(offMs) > CLOCK_TOLERANCE_MS
        ? warn(`this clock is ${off}`, 'set the clock: signatures and expiry depend on it')
        : pass(`this clock is ${off}`);
    },
  },
  {
    id: 'model',
    title: 'model access (GET /models/MODEL)',
    needs: ['key', 'base_url', 'tls', 'tcp', 'dns'],
    async run(subject) {
      const { model } = subject.server();
      const { refusal, reply, server } = await ask(subject, `/models/${encodeURIComponent(model)}`, { model });
      if (refusal === null) {
        if (!isJsonObject(parseJson(reply.body))) throw unreadableReply(reply, contextOf(subject, server));
        return pass(`${model} is there`);
      }
      return NO_ROUTE.has(refusal.code) ? warn(`the server does not say whether it has ${model}`) : failure(refusal);
    },
  },
  {
    id: 'videos',
    title: 'the dialect’s route',
    needs: ['key', 'base_url', 'tls', 'tcp', 'dns'],
    async run(subject) {
      const { form, lacksList } = subject.server();
      if (!ABILITIES[form].hasList) return askForNobody(subject, form);
      if (lacksList) return skip('the profile says that the server has no list of videos');
      const { server, reply, refusal } = await ask(subject, '/videos?limit=1');
      if (refusal === null) {
        const page = decodePage(parseJson(reply.body), { requestId: null, pollAfterMs: null });
        if (page === null) throw unreadableReply(reply, contextOf(subject, server));
        return pass(page.jobs.length === 0 ? 'it answers; there are no videos yet' : 'it answers');
      }
      if (reply.status === 404) return (await lookAround(server, refusal)) ?? failure(refusal);
      if (refusal.code === 'not_supported')
        return warn('the server has no list of videos; the local ledger stands in for it');
      if (refusal.code === 'invalid_request')
        return warn(`the route is there, and wants more to list videos: ${refusal.causedBy}`);
      return failure(refusal);
    },
  },
];

/** Without a list, a job is asked for that does not exist: a route that is there misses the job, not the address. */
async function askForNobody(subject: Subject, form: ApiForm): Promise<CheckOutcome> {
  const { server, reply, refusal } = await ask(subject, `${WIRE_FORMS[form].route}/${UNKNOWN_ID}`);
  if (refusal === null || refusal.code === 'video_not_found') return pass('it answers');
  if (reply.status !== 404) return failure(refusal);
  const neighbour = await lookAround(server, refusal);
  return neighbour ?? warn('the server does not say whether it misses the job or the route');
}

interface Answer {
  readonly server: ExaminedServer;
  readonly reply: ApiReply;
  /** Null for a 2xx. */
  readonly refusal: SoraError | null;
}

async function ask(subject: Subject, path: string, facts: Readonly<Record<string, string>> = {}): Promise<Answer> {
  const server = subject.server();
  const reply = await server.get(path);
  const isRefused = reply.status < 200 || reply.status >= 300;
  return { server, reply, refusal: isRefused ? failureFromReply(reply, contextOf(subject, server, facts)) : null };
}

function contextOf(subject: Subject, server: ExaminedServer, facts: Readonly<Record<string, string>> = {}) {
  const { baseUrl, key, profile } = server;
  return { baseUrl, hasKey: key !== null, atMs: subject.clock.now(), facts: { profile, ...facts } };
}

/** A 404 means that a part of the address is wrong: look for the one that is right. */
async function lookAround(server: ExaminedServer, refusal: SoraError): Promise<CheckOutcome | null> {
  const neighbour = await findNeighbour(server);
  if (neighbour === null) return null;
  return failure(refusal.with({ title: neighbour.finding, hints: neighbour.remedy }));
}
