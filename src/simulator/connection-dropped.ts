/** A simulated broken connection: `handle` rejects with it, and a server destroys the socket. */
export class ConnectionDropped extends Error {
  override readonly name = 'ConnectionDropped';
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was dropped');
  }
}
