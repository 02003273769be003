import { failureFromThrown } from '../../client/failure.ts';
import type { CheckOutcome } from '../../domain/check.ts';
import { SoraError } from '../../domain/errors.ts';
import { redactUrl } from '../../domain/redact.ts';
import { openTcp, openTls, resolveName } from '../../platform/probe.ts';
import { proxiesFrom, proxyFault, proxyFor } from '../../platform/proxy-http.ts';
import { type Check, check, pass, type Subject, skip } from './check.ts';

const TIMEOUT_MS = 4_000;

/** The connection to the server, step by step. */
export const NETWORK_CHECKS: readonly Check[] = [
  check('proxy', 'proxy', ['base_url'], (subject) => {
    if (subject.server().configuration.isSimulator) return skip('the simulator is in this process');
    const proxy = proxyOf(subject);
    if (proxy === null) return pass('none');
    const fault = proxyFault(proxy);
    if (fault !== null) throw new SoraError('proxy_failure', { causedBy: fault });
    return pass(`calls go through ${redactUrl(proxy)}`);
  }),
  hop('dns', 'DNS', 'proxy', async ({ host }) => {
    const address = await resolveName({ host, timeoutMs: TIMEOUT_MS });
    return pass(address === host ? `${host} is an address` : `${host} is ${address}`);
  }),
  hop('tcp', 'TCP', 'dns', async ({ host, port }) => {
    await openTcp({ host, port, timeoutMs: TIMEOUT_MS });
    return pass(`port ${port} is open`);
  }),
  hop('tls', 'TLS', 'tcp', async ({ url, host, port }) => {
    if (url.protocol === 'http:') return skip('the base URL is http://');
    const { protocol, validUntil } = await openTls({ host, port, timeoutMs: TIMEOUT_MS });
    return pass(`${protocol}, certificate valid until ${validUntil}`);
  }),
];

/** The proxy that calls go through; null for none. */
function proxyOf({ deps, server }: Subject): string | null {
  const proxies = proxiesFrom(deps.env);
  return proxies && proxyFor(server().configuration.baseUrl.value, proxies);
}

interface Address {
  readonly url: URL;
  /** Without the brackets of an IPv6 address. */
  readonly host: string;
  readonly port: number;
}

/** A step that is skipped where a proxy performs it, and for the simulator. */
function hop(id: string, title: string, needs: string, look: (address: Address) => Promise<CheckOutcome>): Check {
  return check(id, title, [needs], async (subject) => {
    const { isSimulator, baseUrl, key } = subject.server().configuration;
    if (isSimulator) return skip('the simulator is in this process');
    if (proxyOf(subject) !== null) return skip('the proxy does this');
    const url = new URL(baseUrl.value);
    const port = Number(url.port) || (url.protocol === 'https:' ? 443 : 80);
    try {
      return await look({ url, host: url.hostname.replace(/^\[|\]$/g, ''), port });
    } catch (error) {
      const atMs = subject.deps.host.clock.now();
      throw failureFromThrown(error, { baseUrl: baseUrl.value, hasKey: key !== null, atMs });
    }
  });
}
