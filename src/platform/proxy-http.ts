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
  const httpProxy = read('HTTP_PROXY') || read('ALL_PROXY');
  const httpsProxy = read('HTTPS_PROXY') || read('ALL_PROXY');
  return httpProxy || httpsProxy ? { httpProxy, httpsProxy, noProxy: read('NO_PROXY') } : null;
}

/** `Http` over undici, which knows proxies; loaded at the first call, because it is heavy. A fault of a proxy's own is an `EPROXY`. */
export function proxyHttp(settings: ProxySettings): Http {
  let loaded: Promise<{ send: typeof import('undici').request; agent: import('undici').EnvHttpProxyAgent }> | undefined;
  const load = async () => {
    const { request, EnvHttpProxyAgent } = await import('undici');
    // Most proxies open tunnels to https only, so what goes to http is asked of them in the plain way, as curl does.
    return { send: request, agent: new EnvHttpProxyAgent({ ...settings, proxyTunnel: false }) };
  };
  return async ({ url, method, headers, body, signal, idleTimeoutMs }) => {
    loaded ??= load();
    const { send, agent } = await loaded;
    const reply = await send(url, {
      method: method as import('undici').Dispatcher.HttpMethod, // any token is allowed; the type lists the common ones
      headers: { ...headers },
      dispatcher: agent,
      ...(body === undefined ? {} : { body }),
      ...(signal === undefined ? {} : { signal }),
      ...(idleTimeoutMs === undefined ? {} : { headersTimeout: idleTimeoutMs, bodyTimeout: idleTimeoutMs }),
    }).catch((error: unknown) => {
      throw isProxyFault(error, settings) ? proxyError(error) : error;
    });
    // To undici, a body that is given up is an error, which ends the process where nobody reads the body.
    reply.body.on('error', () => {});
    return { status: reply.statusCode, headers: flattenHeaders(reply.headers), body: reply.body };
  };
}

/** Whether a call got no further than a proxy: it was turned away there, or the proxy could not be reached. */
function isProxyFault(error: unknown, { httpProxy, httpsProxy }: ProxySettings): error is Error {
  if (!(error instanceof Error)) return false;
  if (/^proxy (response|authentication)/i.test(error.message)) return true; // undici has no code for these
  const proxies = [httpProxy, httpsProxy].flatMap((address) => (URL.canParse(address) ? new URL(address) : []));
  return proxies.some(
    ({ hostname, port }) =>
      ('hostname' in error && error.hostname === hostname) || ('port' in error && String(error.port) === port),
  );
}

function proxyError(cause: Error): Error {
  return Object.assign(new Error(cause.message, { cause }), { code: 'EPROXY' });
}
