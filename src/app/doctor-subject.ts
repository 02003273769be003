import type { Readable } from 'node:stream';
import { failureFromThrown } from '../client/failure.ts';
import { serverModel } from '../client/profile-client.ts';
import type { AccessCheckDeps } from '../doctor/access-check.ts';
import type { ApiReply, ExaminedServer, Subject } from '../doctor/subject.ts';
import { SNIFF_BYTES } from '../domain/media.ts';
import { DEFAULT_MODEL, findModel } from '../domain/models.ts';
import { formatUsd } from '../domain/money.ts';
import { estimate } from '../domain/pricing.ts';
import type { VideoRequest } from '../domain/video.ts';
import { submit } from '../jobs/submit.ts';
import { confirm } from '../output/prompt.ts';
import { proxiesFrom } from '../platform/proxy-http.ts';
import { keyFault, maskKey, readKeys } from '../store/keys.ts';
import { readSettings } from '../store/settings.ts';
import { type Configuration, needsKey } from './configuration.ts';
import type { Context } from './context.ts';
import { submitDeps } from './submit-deps.ts';
import { writeRemoved } from './write-events.ts';

/** A server that does not answer a small question in this time is not answering. */
const PATIENCE_MS = 4_000;
/** Lists of models are long, but not longer than this. */
const MAX_BODY_BYTES = 4 << 20;

/** What `doctor` looks at. Nothing here throws before the check whose business it is. */
export function createSubject(context: Context): Subject {
  const { host, paths } = context;
  let examined: ExaminedServer | undefined;
  return {
    version: host.version,
    nodeVersion: host.nodeVersion,
    platform: host.platform,
    clock: host.clock,
    paths,
    readSettings() {
      readSettings(paths.settings);
      readKeys(paths.keys);
    },
    ledgerProblems: () => context.ledger.problems(),
    server() {
      examined ??= examine(context);
      return examined;
    },
  };
}

function examine(context: Context): ExaminedServer {
  const { configuration, env } = context;
  const { profile, baseUrl, key, isSimulator } = configuration;
  const impatient = { ...configuration, requestTimeoutMs: { value: PATIENCE_MS, origin: 'doctor' } };
  const probe: ExaminedServer['probe'] = (method, path, headers) =>
    exchange({ method, path, headers }, impatient, context);
  const replies = new Map<string, Promise<ApiReply>>();
  return {
    profile: profile.value,
    baseUrl: baseUrl.value,
    baseUrlOrigin: baseUrl.origin,
    isSimulator,
    key: key && { masked: maskKey(key.value), origin: key.origin, fault: keyFault(key.value) },
    needsKey: needsKey(configuration),
    lacksList: configuration.lacks.has('list'),
    model: serverModel(modelOf(configuration), configuration.modelNames),
    proxy: isSimulator ? null : proxyFor(baseUrl.value, env),
    probe,
    get(path) {
      const reply = replies.get(path) ?? probe('GET', path);
      replies.set(path, reply);
      return reply;
    },
  };
}

function modelOf({ model }: Configuration): string {
  return model?.value ?? DEFAULT_MODEL;
}

function proxyFor(baseUrl: string, env: Context['env']): string | null {
  const proxies = proxiesFrom(env);
  return (baseUrl.startsWith('https:') ? proxies?.httpsProxy : proxies?.httpProxy) || null;
}

interface Question {
  readonly method: string;
  readonly path: string;
  readonly headers: Readonly<Record<string, string>> | undefined;
}

async function exchange(
  { method, path, headers = {} }: Question,
  configuration: Configuration,
  context: Context,
): Promise<ApiReply> {
  const { transport } = await context.serverFor(configuration);
  const { interrupt, clock } = context.host;
  const url = URL.canParse(path) ? path : `${transport.baseUrl}${path}`;
  try {
    const reply = await transport.send({ method, url, headers, signal: interrupt });
    const bytes = await readUpTo(reply.body, MAX_BODY_BYTES);
    return {
      status: reply.status,
      headers: reply.headers,
      body: bytes.toString('utf8'),
      head: bytes.subarray(0, SNIFF_BYTES),
    };
  } catch (error) {
    interrupt.throwIfAborted();
    throw failureFromThrown(error, { baseUrl: transport.baseUrl, hasKey: transport.hasKey, atMs: clock.now() });
  }
}

async function readUpTo(body: Readable, limitBytes: number): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= limitBytes) break; // which also destroys the stream
  }
  return Buffer.concat(chunks);
}

/** The smallest job there is: what the access check sends. */
export function smallestRequest(configuration: Configuration): VideoRequest {
  const model = modelOf(configuration);
  const known = findModel(model);
  return {
    prompt: 'Test video',
    model,
    seconds: known?.seconds[0] ?? null,
    size: known?.sizes[0]?.size ?? null,
    image: null,
    characters: [],
    quality: null,
    params: {},
  };
}

/** What the access check needs to send that job, and to be rid of it. */
export function createAccessDeps(context: Context, isAgreed: boolean): AccessCheckDeps {
  const { host, configuration } = context;
  const request = smallestRequest(configuration);
  const price = estimate(request, host.clock.now());
  const { isSimulator } = configuration;
  return {
    priceMicros: price?.micros ?? null,
    isFree: isSimulator,
    signal: host.interrupt,
    client: async () => (await context.server()).client,
    async consent() {
      if (isAgreed || isSimulator) return 'agreed';
      if (!context.isInteractive) return 'nobody-to-ask';
      const question = `Send the access check? It makes a job, whose price is ${formatUsd(price?.micros ?? null)}.`;
      return (await confirm(question, host)) ? 'agreed' : 'refused';
    },
    async submit() {
      const server = await context.server();
      return submit(submitDeps(server, context), {
        server: server.identity,
        request,
        estimate: price,
        free: isSimulator,
        again: true,
        taken: new Set(),
        maxCostPerDayMicros: configuration.maxCostPerDayMicros?.value ?? null,
      });
    },
    forget: ({ record }) => writeRemoved(record, context),
  };
}
