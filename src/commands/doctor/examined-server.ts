import type { Context } from '../../app/context.ts';
import { failureFromThrown } from '../../client/failure.ts';
import type { Transport } from '../../client/transport.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { SNIFF_BYTES } from '../../domain/media.ts';
import type { HttpReply } from '../../platform/http.ts';

/** Timeout of a small request. */
const PATIENCE_MS = 8_000;

/** A reply of the API, read to its end. */
export interface ApiReply {
  readonly status: number;
  readonly headers: HttpReply['headers'];
  readonly body: string;
}

/** A body as it is sent, with its content type. */
export interface ProbeBody {
  readonly type: string;
  readonly text: string;
}

/** The start of a file. */
export interface FileReply {
  readonly status: number;
  readonly head: Uint8Array;
}

/** The server that is examined. Its calls throw a `SoraError` if there is no reply. */
export interface ExaminedServer {
  readonly configuration: Configuration;
  /** Sends a GET to a path below the base URL, or to a whole URL, once for equal calls. */
  get(pathOrUrl: string): Promise<ApiReply>;
  /** The same for any method, without the cache. */
  probe(method: string, pathOrUrl: string, body?: ProbeBody): Promise<ApiReply>;
  /** Opens a file and reads only enough to recognise its kind. */
  peek(path: string): Promise<FileReply>;
}

/** One server, with short timeouts. */
export function examineServer(
  configuration: Configuration,
  { servers, host }: Pick<Context, 'servers' | 'host'>,
): ExaminedServer {
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
    configuration,
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
