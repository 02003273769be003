import type { Context } from '../../app/context.ts';
import { failureFromThrown } from '../../client/failure.ts';
import { serverModel } from '../../client/profile-client.ts';
import type { Transport } from '../../client/transport.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { expectedModel, needsKey } from '../../configuration/endpoint.ts';
import type { ApiReply, ExaminedServer, Subject } from '../../doctor/subject.ts';
import { isOpenAiUrl } from '../../domain/diagnosis.ts';
import { SNIFF_BYTES } from '../../domain/media.ts';
import { redactUrl } from '../../domain/redact.ts';
import { proxiesFrom, proxyFault, proxyFor } from '../../platform/proxy-http.ts';
import { keyDoubt, keyFault, maskKey, readKeys } from '../../store/keys.ts';
import { readSettings } from '../../store/settings.ts';

/** Timeout of a small request. */
const PATIENCE_MS = 8_000;

export type SubjectDeps = Pick<
  Context,
  'host' | 'paths' | 'fileLedger' | 'sharedLedgerUrl' | 'postgresLedger' | 'configuration' | 'env' | 'servers'
>;

/** The subject of `doctor`. Each part throws only in the check that reports it. */
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
    ledgerProblems: () => deps.fileLedger().problems(),
    async sharedLedger() {
      const url = deps.sharedLedgerUrl;
      return url === undefined ? null : deps.postgresLedger(url).describe();
    },
    server() {
      examined ??= examineServer(deps.configuration, deps);
      return examined;
    },
  };
}

/** One server, with short timeouts. */
export function examineServer(
  configuration: Configuration,
  { env, servers, host }: Pick<SubjectDeps, 'env' | 'servers' | 'host'>,
): ExaminedServer {
  const { profile, baseUrl, key, isSimulator } = configuration;
  const model = expectedModel(configuration);
  const proxies = proxiesFrom(env);
  const proxy = proxies === null || isSimulator ? null : proxyFor(baseUrl.value, proxies);
  const impatient = { ...configuration, requestTimeoutMs: { value: PATIENCE_MS, origin: 'doctor' } };
  let transport: Promise<Transport> | undefined;
  const call = async <T>(send: (transport: Transport, signal: AbortSignal) => Promise<T>): Promise<T> => {
    transport ??= servers.transport(impatient);
    const connected = await transport;
    try {
      return await send(connected, host.interrupt);
    } catch (error) {
      host.interrupt.throwIfAborted();
      const { baseUrl, hasKey } = connected;
      throw failureFromThrown(error, { baseUrl, hasKey, atMs: host.clock.now() });
    }
  };
  const probe: ExaminedServer['probe'] = (method, path, body) =>
    call(async (connected, signal) => {
      const content = body && { headers: { 'content-type': body.type }, body: body.text };
      const reply = await connected.ask({ method, url: urlOf(path, connected), headers: {}, signal, ...content });
      return { status: reply.status, headers: reply.headers, body: reply.body };
    });
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
    model: model && serverModel(model, configuration.modelNames),
    proxy: proxy === null ? null : { address: redactUrl(proxy), fault: proxyFault(proxy) },
    probe,
    get(path) {
      const reply = replies.get(path) ?? probe('GET', path);
      replies.set(path, reply);
      return reply;
    },
    peek: (path) =>
      call(async (connected, signal) => {
        const headers = { range: `bytes=0-${SNIFF_BYTES - 1}` };
        const request = { method: 'GET', url: urlOf(path, connected), headers, signal };
        const { status, head, body } = await connected.open(request, SNIFF_BYTES);
        body.destroy();
        return { status, head: head.subarray(0, SNIFF_BYTES) };
      }),
  };
}

/** For a path below the base URL, or an absolute URL of the same server. */
function urlOf(path: string, transport: Transport): ReturnType<Transport['urlOf']> {
  return URL.canParse(path) ? transport.withQuery(path) : transport.urlOf(path);
}
