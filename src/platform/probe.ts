import { lookup } from 'node:dns/promises';
import { connect } from 'node:net';
import { connect as connectTls } from 'node:tls';

/** The steps of a connection, one at a time, so that a fault can be placed. Each rejects with the system's own error. */

export interface Endpoint {
  readonly host: string;
  readonly port: number;
  readonly timeoutMs: number;
}

/** The first address of a name. */
export async function resolveName(host: string): Promise<string> {
  return (await lookup(host)).address;
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
    const socket = connectTls({ host, port, timeout: timeoutMs, servername: host });
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
    reject(Object.assign(new Error(`no answer for ${timeoutMs / 1000} s`), { code: 'ETIMEDOUT' }));
  });
}
