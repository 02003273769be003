import { Readable } from 'node:stream';
import { type Handler, responseOf } from '../../src/http-server/handler.ts';
import type { Http } from '../../src/platform/http.ts';

/** The response of a handler to a request. */
export async function respond({ answer }: Pick<Handler, 'answer'>, request: Request): Promise<Response> {
  const { method, url, headers } = request;
  const body = new Uint8Array(await request.arrayBuffer());
  return responseOf(await answer({ method, url: new URL(url), headers: Object.fromEntries(headers), body }));
}

/** Makes an `Http` of a `(Request) → Response` handler, without a network. */
export function httpFromHandler(handle: (request: Request) => Promise<Response>): Http {
  return async ({ method, url, headers, body, signal }) => {
    signal?.throwIfAborted();
    const response = await handle(
      new Request(url, { method, headers, ...(body === undefined ? {} : { body }), ...(signal ? { signal } : {}) }),
    );
    return {
      status: response.status,
      headers: Object.fromEntries(response.headers),
      body: response.body ? Readable.fromWeb(response.body) : Readable.from([]),
    };
  };
}
