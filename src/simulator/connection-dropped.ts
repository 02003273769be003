/** The connection broke: in process `handle` rejects with this, on a port the socket is destroyed. */
export class ConnectionDropped extends Error {
  override readonly name = 'ConnectionDropped';
  readonly code = 'ECONNRESET';

  constructor() {
    super('the connection was dropped');
  }
}
