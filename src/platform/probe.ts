import { execFile } from 'node:child_process';
import { lookup, Resolver } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
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
 * The first address of a name; an address is returned as is. An unresponsive name service is an `EAI_AGAIN`. A system
 * lookup cannot be aborted and keeps the process alive, so it runs here only if the name servers respond at all,
 * and otherwise in a child process, which can be killed; the name may still be in the hosts file.
 */
export async function resolveName({ host, timeoutMs, nameServers }: NameQuestion): Promise<string> {
  const isLocal = isIP(host) !== 0 || host === 'localhost';
  if (!isLocal && (await areSilent(host, timeoutMs / 2, nameServers))) return lookUpApart(host, timeoutMs / 2);
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

function lookUpApart(host: string, timeoutMs: number): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, ['-e', LOOKUP, host], { timeout: timeoutMs }, (_, address) => {
      if (address !== '') resolve(address);
      else reject(silentNameService());
    });
  });
}

/** Opens a TCP connection and closes it again. */
export function openTcp({ host, port, timeoutMs }: Target): Promise<void> {
  return new Promise((resolve, reject) => {
    const socket = connect({ host, port, timeout: timeoutMs });
    socket.once('connect', () => {
      socket.destroy();
      resolve();
    });
    rejectOnTrouble(socket, timeoutMs, reject);
  });
}

export interface TlsFacts {
  readonly protocol: string;
  readonly validUntil: string;
}

/** Performs the TLS handshake, verifies the certificate as every call does, and closes the connection. */
export function openTls({ host, port, timeoutMs }: Target): Promise<TlsFacts> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {}; // SNI does not allow addresses
    const tls = process.getBuiltinModule('node:tls'); // not imported: a server without TLS need not wait for it
    const socket = tls.connect({ host, port, timeout: timeoutMs, ...name });
    socket.once('secureConnect', () => {
      const facts = { protocol: socket.getProtocol() ?? 'TLS', validUntil: socket.getPeerCertificate().valid_to };
      socket.destroy();
      resolve(facts);
    });
    rejectOnTrouble(socket, timeoutMs, reject);
  });
}

function rejectOnTrouble(socket: import('node:net').Socket, timeoutMs: number, reject: (error: Error) => void): void {
  socket.once('error', reject);
  socket.once('timeout', () => {
    socket.destroy();
    reject(timeoutError(timeoutMs));
  });
}
