import { lookup } from 'node:dns/promises';
import { connect, isIP } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { deadline, timeoutError } from './timeout.ts';

/** The steps of a connection, one at a time, so that a fault can be placed. Each rejects with the system's own error. */

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** The first address of a name; an address is its own. A name service that keeps silent is an `EAI_AGAIN`. */
export async function resolveName({ host, timeoutMs }: Pick<Endpoint, 'host' | 'timeoutMs'>): Promise<string> {
  const silence = new Promise<never>((_, reject) => {
    deadline(timeoutMs).addEventListener('abort', () => {
      const error = new Error(`the name service gave no answer for ${timeoutMs / 1000} s`);
      reject(Object.assign(error, { code: 'EAI_AGAIN' }));
    });
  });
  return (await Promise.race([lookup(host), silence])).address;
}

/** Opens a TCP connection and closes it again. */
export function openTcp({ host, port, timeoutMs }: Endpoint): Promise<void> {
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

/** Shakes hands, verifies the certificate as every call does, and closes the connection again. */
export function openTls({ host, port, timeoutMs }: Endpoint): Promise<TlsFacts> {
  return new Promise((resolve, reject) => {
    const name = isIP(host) === 0 ? { servername: host } : {}; // no server has an address for its name
    const socket = connectTls({ host, port, timeout: timeoutMs, ...name });
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
