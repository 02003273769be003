import { BlockList, isIP, isIPv4 } from 'node:net';
import { hasCode } from './files.ts';
import { decoded, flattenHeaders, type Http, type HttpReply, type HttpRequest } from './http.ts';
import { timeoutError } from './timeout.ts';

/** Proxy addresses from the environment; empty if not set. */
export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** Hosts to reach without a proxy, separated by commas. */
  readonly noProxy: string;
}

/** The proxies of the environment, from lower-case or upper-case variables; null if there are none. */
export function proxiesFrom(env: Readonly<Record<string, string | undefined>>): ProxySettings | null {
  const read = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const httpProxy = withScheme(read('HTTP_PROXY') || read('ALL_PROXY'));
  const httpsProxy = withScheme(read('HTTPS_PROXY') || read('ALL_PROXY'));
  return httpProxy || httpsProxy ? { httpProxy, httpsProxy, noProxy: read('NO_PROXY') } : null;
}

/** Accepts `proxy.example:3128`, as other tools do. */
function withScheme(address: string): string {
  return address === '' || address.includes('://') ? address : `http://${address}`;
}

/** The proxy for an address; null if none is set for its scheme or `NO_PROXY` names its host. */
export function proxyFor(address: string, { httpProxy, httpsProxy, noProxy }: ProxySettings): string | null {
  const url = new URL(address);
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy;
  return proxy === '' || noProxy.split(/[\s,]+/).some((entry) => isNamed(url, entry)) ? null : proxy;
}

/** Why a proxy address is invalid, without repeating it, because it may contain a password; null if it is valid. */
export function proxyFault(address: string): string | null {
  return URL.canParse(address) && /^https?:/i.test(address) ? null : 'its address does not start with http://';
}

/** `*`, a range `10.0.0.0/8`, `127.*`, `example.com` with all below it, also as `.example.com` or `*.example.com`, or one port of these: `example.com:8080`. */
function isNamed({ hostname, port, protocol }: URL, entry: string): boolean {
  if (entry.includes('/')) return isInRange(hostname, entry);
  const [, name = entry, onlyPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  const host = (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name).replace(/^\*?\./, '').toLowerCase();
  if (/^(\d+\.)+\*$/.test(host)) return isIPv4(hostname) && hostname.startsWith(host.slice(0, -1));
  return host === '*' || hostname === host || (host !== '' && hostname.endsWith(`.${host}`));
}

/** Whether a host is an address in a range such as `10.0.0.0/8` or `fd00::/8`. */
function isInRange(hostname: string, range: string): boolean {
  const [, network = '', bits = ''] = /^\[?([^\]/]+)\]?\/(\d{1,3})$/.exec(range) ?? [];
  const family = isIP(network);
  const host = hostname.replace(/^\[|\]$/g, '');
  if (family === 0 || isIP(host) !== family || Number(bits) > (family === 4 ? 32 : 128)) return false;
  const list = new BlockList();
  const type = family === 4 ? 'ipv4' : 'ipv6';
  list.addSubnet(network, Number(bits), type);
  return list.check(host, type);
}

/**
 * `Http` that uses undici for calls through a proxy; loaded on the first such call, because it is large.
 * A failure of the proxy itself is an `EPROXY`.
 */
export function proxyHttp(settings: ProxySettings, direct: Http): Http {
  return (request) => {
    const proxy = proxyFor(request.url, settings);
    return proxy === null ? direct(request) : sendOver(proxy, request);
  };
}

async function sendOver(proxy: string, request: HttpRequest): Promise<HttpReply> {
  const { url, method, headers, body, signal, idleTimeoutMs } = request;
  const fault = proxyFault(proxy);
  if (fault !== null) throw proxyError(new Error(fault));
  const { Pool, ProxyAgent } = await import('#undici');
  signal?.throwIfAborted();
  const silence = idleTimeoutMs === undefined ? {} : { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs };
  const opening = idleTimeoutMs === undefined ? {} : { timeout: idleTimeoutMs };
  const agent = new ProxyAgent({
    uri: proxy,
    // Most proxies open tunnels to https only, so http requests are sent to them without a tunnel, as curl does.
    proxyTunnel: false,
    proxyTls: opening,
    requestTls: opening,
    clientFactory: (origin, options) => new Pool(origin, { ...options, ...silence }),
  });
  // Each call has its own agent: undici ignores the signal while it opens a tunnel.
  const giveUp = (): void => void agent.destroy(null);
  signal?.addEventListener('abort', giveUp, { once: true });
  try {
    const { origin, pathname, search } = new URL(url);
    const reply = await agent.request({
      origin,
      path: `${pathname}${search}`,
      method: method as import('undici').Dispatcher.HttpMethod, // any token is allowed; the type lists common ones
      headers: { ...headers },
      ...silence,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
    });
    // undici reports a destroyed body as an error, which would end the process if the body has no reader.
    reply.body.on('error', () => {});
    return decoded({ status: reply.statusCode, headers: flattenHeaders(reply.headers), body: reply.body });
  } catch (error) {
    signal?.throwIfAborted();
    if (isProxyFault(error, new URL(proxy))) throw proxyError(error);
    if (idleTimeoutMs === undefined || !hasCode(error, 'UND_ERR_HEADERS_TIMEOUT')) throw error;
    throw timeoutError(idleTimeoutMs, ' through the proxy'); // it is unknown which of the two was silent
  } finally {
    signal?.removeEventListener('abort', giveUp);
    agent.close().catch(() => {}); // after the body has ended; a destroyed agent has nothing to close
  }
}

/** Whether a call failed at its proxy: the proxy refused it, or could not be reached. */
function isProxyFault(error: unknown, { hostname, port }: URL): error is Error {
  if (!(error instanceof Error)) return false;
  if (/^proxy (response|authentication)/i.test(error.message)) return true; // undici has no code for these
  if (hasCode(error, 'UND_ERR_CONNECT_TIMEOUT')) return true; // nothing else is connected to
  return ('hostname' in error && error.hostname === hostname) || ('port' in error && String(error.port) === port);
}

function proxyError(cause: Error): Error {
  return Object.assign(new Error(cause.message, { cause }), { code: 'EPROXY' });
}
