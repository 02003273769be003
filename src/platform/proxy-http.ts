import { flattenHeaders, type Http } from './http.ts';

export interface ProxySettings {
  readonly httpProxy?: string;
  readonly httpsProxy?: string;
  readonly noProxy?: string;
}

/** The proxies of the environment, in the lower or the upper case of their names, or null when there are none. */
export function proxiesFrom(env: Readonly<Record<string, string | undefined>>): ProxySettings | null {
  const read = (name: string): string | undefined => env[name.toLowerCase()] || env[name] || undefined;
  const httpProxy = read('HTTP_PROXY') ?? read('ALL_PROXY');
  const httpsProxy = read('HTTPS_PROXY') ?? read('ALL_PROXY');
  const noProxy = read('NO_PROXY');
  if (httpProxy === undefined && httpsProxy === undefined) return null;
  return {
    ...(httpProxy === undefined ? {} : { httpProxy }),
    ...(httpsProxy === undefined ? {} : { httpsProxy }),
    ...(noProxy === undefined ? {} : { noProxy }),
  };
}

/** `Http` over undici, which knows proxies; loaded at the first call, because it is heavy. */
export function proxyHttp(settings: ProxySettings): Http {
  let loaded: Promise<{ send: typeof import('undici').request; agent: import('undici').EnvHttpProxyAgent }> | undefined;
  const load = async () => {
    const { request, EnvHttpProxyAgent } = await import('undici');
    return { send: request, agent: new EnvHttpProxyAgent(settings) };
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
    });
    return { status: reply.statusCode, headers: flattenHeaders(reply.headers), body: reply.body };
  };
}
