import type { Context } from '../../app/context.ts';
import { failureFromThrown } from '../../client/failure.ts';
import { serverModel } from '../../client/profile-client.ts';
import type { Transport, TransportReply } from '../../client/transport.ts';
import { needsKey } from '../../configuration/endpoint.ts';
import type { ApiReply, ExaminedServer, FileReply, Subject } from '../../doctor/subject.ts';
import { isOpenAiUrl } from '../../domain/diagnosis.ts';
import { SNIFF_BYTES } from '../../domain/media.ts';
import { DEFAULT_MODEL } from '../../domain/models.ts';
import { redactUrl } from '../../domain/redact.ts';
import type { Host } from '../../platform/host.ts';
import { proxiesFrom, proxyFault, proxyFor } from '../../platform/proxy-http.ts';
import { deadline } from '../../platform/timeout.ts';
import { keyDoubt, keyFault, maskKey, readKeys } from '../../store/keys.ts';
import { readSettings } from '../../store/settings.ts';

/** Timeout of a small request. */
const PATIENCE_MS = 4_000;
/** The same for one that trickles bytes, and for a proxy that never connects. */
const DEADLINE_MS = 8_000;

export type SubjectDeps = Pick<Context, 'host' | 'paths' | 'ledger' | 'configuration' | 'env' | 'servers'>;

/** What `doctor` examines. Each part throws only in the check that reports it. */
export function createSubject(deps: SubjectDeps): Subject {
  const { host, paths } = deps;
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
    ledgerProblems: () => deps.ledger.problems(),
    server() {
      examined ??= examine(deps);
      return examined;
    },
  };
}

function examine({ configuration, env, servers, host }: SubjectDeps): ExaminedServer {
  const { profile, baseUrl, key, model, isSimulator } = configuration;
  const proxies = proxiesFrom(env);
  const proxy = proxies === null || isSimulator ? null : proxyFor(baseUrl.value, proxies);
  const impatient = { ...configuration, requestTimeoutMs: { value: PATIENCE_MS, origin: 'doctor' } };
  let transport: Promise<Transport> | undefined;
  const ask = async <T>(question: Question, read: Reader<T>): Promise<T> => {
    transport ??= servers.transport(impatient);
    return exchange(question, read, await transport, host);
  };
  const probe: ExaminedServer['probe'] = (method, path) => ask({ method, path }, readApiReply);
  const replies = new Map<string, Promise<ApiReply>>();
  return {
    profile: profile.value,
    baseUrl: baseUrl.value,
    baseUrlOrigin: baseUrl.origin,
    isSimulator,
    dialect: configuration.dialect.value,
    dialectOrigin: configuration.dialect.origin,
    key: key && {
      masked: maskKey(key.value),
      origin: key.origin,
      fault: keyFault(key.value),
      doubt: keyDoubt(key.value, isOpenAiUrl(baseUrl.value)),
    },
    needsKey: needsKey(configuration),
    lacksList: configuration.lacks.has('list'),
    model: serverModel(model?.value ?? DEFAULT_MODEL, configuration.modelNames),
    proxy: proxy === null ? null : { address: redactUrl(proxy), fault: proxyFault(proxy) },
    probe,
    get(path) {
      const reply = replies.get(path) ?? probe('GET', path);
      replies.set(path, reply);
      return reply;
    },
    peek: (path) => ask({ method: 'GET', path, headers: { range: `bytes=0-${SNIFF_BYTES - 1}` } }, readFileReply),
  };
}

interface Question {
  readonly method: string;
  /** A path below the base URL, or an absolute URL of the same server. */
  readonly path: string;
  readonly headers?: Readonly<Record<string, string>>;
}

type Reader<T> = (reply: TransportReply, transport: Transport) => Promise<T>;

async function exchange<T>(
  { method, path, headers = {} }: Question,
  read: Reader<T>,
  transport: Transport,
  { interrupt, clock }: Host,
): Promise<T> {
  const url = URL.canParse(path) ? transport.withQuery(path) : transport.urlOf(path);
  const signal = AbortSignal.any([interrupt, deadline(DEADLINE_MS)]);
  try {
    return await read(await transport.send({ method, url, headers, signal }), transport);
  } catch (error) {
    interrupt.throwIfAborted();
    throw failureFromThrown(error, { baseUrl: transport.baseUrl, hasKey: transport.hasKey, atMs: clock.now() });
  }
}

async function readApiReply(reply: TransportReply, transport: Transport): Promise<ApiReply> {
  const { status, headers } = reply;
  return { status, headers, body: await transport.answerOf(reply) };
}

async function readFileReply({ status, body }: TransportReply): Promise<FileReply> {
  const chunks: Uint8Array[] = [];
  let sizeBytes = 0;
  for await (const chunk of body as AsyncIterable<Uint8Array>) {
    chunks.push(chunk);
    sizeBytes += chunk.length;
    if (sizeBytes >= SNIFF_BYTES) break; // which also destroys the stream
  }
  return { status, head: Buffer.concat(chunks).subarray(0, SNIFF_BYTES) };
}
