import { execFile } from 'node:child_process';
import { lookup, Resolver } from 'node:dns/promises';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { promisify } from 'node:util';
import { hasCode } from './files.ts';
import { timeoutError } from './timeout.ts';

/** The steps of a connection, one at a time, to locate a problem. Each rejects with the system's own error. */

export interface Target {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

export interface NameQuestion {
  readonly host: string;
  readonly timeoutMs: number;
  /** Addresses of name servers, with ports, instead of the system's; for tests. */
  readonly nameServers?: readonly string[];
}

/**
 * The first address of a name; `EAI_AGAIN` if the name service is unresponsive. The system's lookup cannot be
 * aborted, so it runs in a child process unless the name servers respond.
 */
export async function resolveName({ host, timeoutMs, nameServers }: NameQuestion): Promise<string> {
  const isLocal = isIP(host) !== 0 || host === 'localhost';
  if (!isLocal && (await areSilent(host, timeoutMs / 2, nameServers))) return lookUpInChildProcess(host, timeoutMs / 2);
  const silence = new Promise<never>((_, reject) => {
    setTimeout(() => reject(silentNameService()), timeoutMs).unref();
  });
  return (await Promise.race([lookup(host), silence])).address;
}

/** Whether no name server responds, not even that the name does not exist. */
async function areSilent(
  host: string,
  timeoutMs: number,
  nameServers: readonly string[] | undefined,
): Promise<boolean> {
  const resolver = new Resolver({ timeout: timeoutMs, tries: 1 });
  if (nameServers !== undefined) resolver.setServers(nameServers);
  const giveUp = setTimeout(() => resolver.cancel(), timeoutMs);
  try {
    await resolver.resolve4(host);
    return false;
  } catch (error) {
    return hasCode(error, 'ETIMEOUT') || hasCode(error, 'ECANCELLED');
  } finally {
    clearTimeout(giveUp);
  }
}

function silentNameService(): Error {
  return Object.assign(new Error('the name service does not respond'), { code: 'EAI_AGAIN' });
}

const LOOKUP = "require('node:dns').lookup(process.argv[1],(_,address)=>address&&process.stdout.write(address))";

async function lookUpInChildProcess(host: string, timeoutMs: number): Promise<string> {
  const child = promisify(execFile)(process.execPath, ['-e', LOOKUP, host], { timeout: timeoutMs });
  const { stdout: address } = await child.catch(() => ({ stdout: '' }));
  if (address === '') throw silentNameService();
  return address;
}

/** Opens a TCP connection and closes it again. */
export async function openTcp({ host, port, timeoutMs }: Target): Promise<void> {
  const socket = limited(connect({ host, port, timeout: timeoutMs }), timeoutMs);
  await once(socket, 'connect');
  socket.destroy();
}

export interface TlsFacts {
  readonly protocol: string;
  readonly validUntil: string;
}

/** Performs the TLS handshake, verifies the certificate as every call does, and closes the connection. */
export async function openTls({ host, port, timeoutMs }: Target): Promise<TlsFacts> {
  const name = isIP(host) === 0 ? { servername: host } : {}; // SNI does not allow addresses
  const tls = process.getBuiltinModule('node:tls'); // not imported: a server without TLS need not wait for it
  const socket = limited(tls.connect({ host, port, timeout: timeoutMs, ...name }), timeoutMs);
  await once(socket, 'secureConnect');
  const facts = { protocol: socket.getProtocol() ?? 'TLS', validUntil: socket.getPeerCertificate().valid_to };
  socket.destroy();
  return facts;
}

function limited<T extends Socket>(socket: T, timeoutMs: number): T {
  socket.on('error', () => {}); // one that follows the success would end the process
  return socket.once('timeout', () => socket.destroy(timeoutError(timeoutMs)));
}
