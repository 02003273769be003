import { flattenHeaders, type Http } from './http.ts';

/** Addresses of proxies as the environment names them; empty for none. */
export interface ProxySettings {
  readonly httpProxy: string;
  readonly httpsProxy: string;
  /** The hosts that are reached without a proxy, separated by commas. */
  readonly noProxy: string;
}

/** The proxies of the environment, in the lower or the upper case of their names, or null when there are none. */
export function proxiesFrom(env: Readonly<Record<string, string | undefined>>): ProxySettings | null {
  const read = (name: string): string => env[name.toLowerCase()] || env[name] || '';
  const httpProxy = withScheme(read('HTTP_PROXY') || read('ALL_PROXY'));
  const httpsProxy = withScheme(read('HTTPS_PROXY') || read('ALL_PROXY'));
  return httpProxy || httpsProxy ? { httpProxy, httpsProxy, noProxy: read('NO_PROXY') } : null;
}

/** `proxy.example:3128` is understood everywhere. */
function withScheme(address: string): string {
  return address === '' || address.includes('://') ? address : `http://${address}`;
}

/** The proxy that an address is reached through, or null: none is set for its scheme, or `NO_PROXY` names its host. */
export function proxyFor(address: string, { httpProxy, httpsProxy, noProxy }: ProxySettings): string | null {
  const url = new URL(address);
  const proxy = url.protocol === 'https:' ? httpsProxy : httpProxy;
  return proxy === '' || noProxy.split(/[\s,]+/).some((entry) => isNamed(url, entry)) ? null : proxy;
}

/** `*`, `example.com` with all below it, also as `.example.com` or `*.example.com`, or one port of these: `example.com:8080`. */
function isNamed({ hostname, port, protocol }: URL, entry: string): boolean {
  const [, name = entry, onlyPort] = /^(\[.+\]|[^:]+):(\d+)$/.exec(entry) ?? [];
  if (onlyPort !== undefined && onlyPort !== (port || (protocol === 'https:' ? '443' : '80'))) return false;
  const host = (name.includes(':') && !name.startsWith('[') ? `[${name}]` : name).replace(/^\*?\./, '').toLowerCase();
  return host === '*' || hostname === host || (host !== '' && hostname.endsWith(`.${host}`));
}

/**
 * `Http` over undici, which knows proxies, where one is to be used; loaded for the first such call, because it is heavy.
 * A fault of a proxy's own is an `EPROXY`.
 */
export function proxyHttp(settings: ProxySettings, direct: Http): Http {
  const proxied = new Map<string, Promise<Http>>();
  return async (request) => {
    const proxy = proxyFor(request.url, settings);
    if (proxy === null) return direct(request);
    const http = proxied.get(proxy) ?? httpOver(proxy);
    proxied.set(proxy, http);
    return (await http)(request);
  };
}

async function httpOver(proxy: string): Promise<Http> {
  const { request: send, ProxyAgent } = await import('undici');
  // Most proxies open tunnels to https only, so what goes to http is asked of them in the plain way, as curl does.
  const agent = createAgent(() => new ProxyAgent({ uri: proxy, proxyTunnel: false }));
  return async ({ url, method, headers, body, signal, idleTimeoutMs }) => {
    const reply = await send(url, {
      method: method as import('undici').Dispatcher.HttpMethod, // any token is allowed; the type lists the common ones
      headers: { ...headers },
      dispatcher: agent,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
      ...(idleTimeoutMs === undefined ? {} : { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs }),
    }).catch((error: unknown) => {
      throw isProxyFault(error, new URL(proxy)) ? proxyError(error) : error;
    });
    // To undici, a body that is given up is an error, which ends the process where nobody reads the body.
    reply.body.on('error', () => {});
    return { status: reply.statusCode, headers: flattenHeaders(reply.headers), body: reply.body };
  };
}

/** An address that is none, or of a kind that undici does not speak, is a fault of the proxy's too. */
function createAgent<T>(create: () => T): T {
  try {
    return create();
  } catch (error) {
    throw error instanceof Error ? proxyError(error) : error;
  }
}

/** Whether a call got no further than its proxy: it was turned away there, or the proxy could not be reached. */
function isProxyFault(error: unknown, { hostname, port }: URL): error is Error {
  if (!(error instanceof Error)) return false;
  if (/^proxy (response|authentication)/i.test(error.message)) return true; // undici has no code for these
  return ('hostname' in error && error.hostname === hostname) || ('port' in error && String(error.port) === port);
}

function proxyError(cause: Error): Error {
  return Object.assign(new Error(cause.message, { cause }), { code: 'EPROXY' });
}
