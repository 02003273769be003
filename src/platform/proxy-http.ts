import { BlockList, isIP, isIPv4, type Socket } from 'node:net';
import { attempt } from './attempt.ts';
import { hasCode } from './files.ts';
import { type Http, type HttpReply, type HttpRequest, moduleFor, refusePrivateAddress, sendOver } from './http.ts';
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
function isNamed({ hostname: asWritten, port, protocol }: URL, entry: string): boolean {
  const hostname = asWritten.replace(/\.$/, '');
  if (entry.includes('/')) return isInRange(hostname, entry);
  const [, name = entry, onlyPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  const host = (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name).replace(/^\*?\.|\.$/g, '');
  if (/^(\d+\.)+\*$/.test(host)) return isIPv4(hostname) && hostname.startsWith(host.slice(0, -1));
  if (host === '*' || hostname === spelledOneWay(host)) return true;
  return host !== '' && !isIPv4(hostname) && hostname.endsWith(`.${spelledOneWay(host)}`);
}

/** A host as `URL` writes it: an IPv6 address shortened, a name in lower case and ASCII. */
function spelledOneWay(host: string): string {
  const url = `http://${host}`;
  return URL.canParse(url) ? new URL(url).hostname : host.toLowerCase();
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
 * `Http` through the proxy, if one is set. As in curl, http requests use no tunnel. A failure of the proxy itself is
 * an `EPROXY`.
 */
export function proxyHttp(settings: ProxySettings, direct: Http): Http {
  return async (request) => {
    const address = proxyFor(request.url, settings);
    if (address === null) return direct(request);
    const fault = proxyFault(address);
    if (fault !== null) throw proxyError(new Error(fault));
    const url = new URL(request.url);
    if (request.publicOnly) refusePrivateAddress(url); // the proxy resolves all other names
    const proxy = new URL(address);
    const isTunnelled = url.protocol === 'https:';
    const send = isTunnelled ? sendThroughTunnel : sendToProxy;
    const reply = await send(proxy, url, request);
    return { ...reply, address: undefined, ...(isTunnelled ? {} : { proxy: proxy.origin }) };
  };
}

function sendToProxy(proxy: URL, url: URL, request: HttpRequest): Promise<HttpReply> {
  const { host, pathname, search } = url;
  const headers = { ...request.headers, ...credentialsFor(proxy), host };
  const options = { path: `http://${host}${pathname}${search}`, agent: false } as const;
  return sendOver({ ...request, headers }, { url: proxy, options }).catch((error: unknown) => {
    request.signal?.throwIfAborted();
    throw isUnsent(error) ? proxyError(error) : error;
  });
}

async function sendThroughTunnel(proxy: URL, url: URL, request: HttpRequest): Promise<HttpReply> {
  const tunnel = await openTunnel(proxy, url, request);
  const host = url.hostname.replace(/^\[|\]$/g, '');
  const servername = isIP(host) === 0 ? host : '';
  const { connect } = process.getBuiltinModule('node:tls');
  const createConnection = (): Socket => connect({ socket: tunnel, host, servername, ALPNProtocols: ['http/1.1'] });
  return sendOver(request, { url, options: { createConnection } });
}

/** A connection to the host of a URL. No part of the request is sent while it opens. */
async function openTunnel(proxy: URL, url: URL, { signal, idleTimeoutMs }: HttpRequest): Promise<Socket> {
  signal?.throwIfAborted();
  const path = `${url.hostname}:${url.port || 443}`;
  const request = moduleFor(proxy).request(proxy, {
    method: 'CONNECT',
    path,
    headers: { host: path, ...credentialsFor(proxy) },
    agent: false,
  });
  const abort = (): void => void request.destroy(new Error('aborted'));
  signal?.addEventListener('abort', abort, { once: true });
  if (idleTimeoutMs !== undefined)
    request.setTimeout(idleTimeoutMs, () => request.destroy(timeoutError(idleTimeoutMs)));
  try {
    return await new Promise((resolve, reject) => {
      request.once('error', reject);
      request.once('connect', ({ statusCode = 0, statusMessage = '' }, socket: Socket, head: Buffer) => {
        socket.setTimeout(0); // what follows has its own timeout
        if (head.length > 0) socket.unshift(head);
        if (statusCode >= 200 && statusCode < 300) return resolve(socket);
        socket.destroy();
        reject(new Error(`the proxy refused the tunnel: HTTP ${statusCode} ${statusMessage}`.trim()));
      });
      request.end();
    });
  } catch (error) {
    const reason = signal?.aborted ? signal.reason : error;
    throw reason === error || hasCode(reason, 'ETIMEDOUT') ? proxyError(reason) : reason;
  } finally {
    signal?.removeEventListener('abort', abort);
  }
}

function credentialsFor({ username, password }: URL): Record<string, string> {
  if (username === '' && password === '') return {};
  const [user, secret] = [username, password].map((text) => attempt(() => decodeURIComponent(text)) ?? text);
  return { 'proxy-authorization': `Basic ${Buffer.from(`${user}:${secret}`).toString('base64')}` };
}

/** Whether a call to a proxy failed before any part of it was sent. */
function isUnsent(error: unknown): error is Error {
  const steps: readonly unknown[] = ['connect', 'getaddrinfo', 'handshake'];
  return error instanceof Error && 'syscall' in error && steps.includes(error.syscall);
}

function proxyError(cause: unknown): Error {
  const message = cause instanceof Error ? cause.message : String(cause);
  return Object.assign(new Error(message, { cause }), { code: 'EPROXY' });
}
