import OpenAI from 'openai';
import type { JsonObject } from '../domain/json.ts';
import { exchange, type Reply } from './reply.ts';
import type { Transport } from './transport.ts';

const DAY_MS = 24 * 3_600_000;
const IDEMPOTENCY_KEY = 'idempotency-key';

/** Constructing a client takes as long as the rest of its work for a call. */
const clients = new WeakMap<Transport, OpenAI>();
/** What came of the responses that the SDK gets. */
const replies = new WeakMap<Response, Promise<Reply>>();

/**
 * Posts once through the openai SDK, which encodes the body: a form as multipart, an object as JSON. The transport is its
 * `fetch`: it adds the key and headers, limits the time and reads the reply. Resolves whatever the status; rejects with
 * what the transport threw.
 */
export async function postThroughSdk(
  transport: Transport,
  path: string,
  body: JsonObject | FormData,
  idempotencyKey: string | null,
): Promise<Reply> {
  const client = clients.get(transport) ?? clientOver(transport);
  clients.set(transport, client);
  const response = await client.post(path, { body, headers: { [IDEMPOTENCY_KEY]: idempotencyKey } }).asResponse();
  const reply = replies.get(response);
  if (reply === undefined) throw new Error('the openai SDK sent nothing');
  return reply;
}

/** Options for which the SDK would read the environment. */
export const UNSET = {
  adminAPIKey: null,
  organization: null,
  project: null,
  webhookSecret: null,
  logLevel: 'off',
} as const;

function clientOver(transport: Transport): OpenAI {
  const send = async (address: string, init: RequestInit): Promise<Response> => {
    const reply = exchange(transport, {
      method: 'POST',
      url: transport.withQuery(address),
      ...(await encode(init)),
    });
    await reply.catch(() => {}); // the SDK would change the error
    const response = new Response(); // a success, whatever came: the SDK would change an error, too
    replies.set(response, reply);
    return response;
  };
  return new OpenAI({
    ...UNSET,
    apiKey: 'the transport sends the key',
    baseURL: transport.baseUrl,
    maxRetries: 0, // the SDK would resend a create on a 500: paid twice
    timeout: DAY_MS, // the transport limits the time instead
    fetch: send as typeof fetch, // the SDK always passes the URL as text
  });
}

/** The body in bytes, with its type and the key. The SDK’s other headers are only for OpenAI. */
async function encode(init: RequestInit): Promise<{ body: string | Uint8Array; headers: Record<string, string> }> {
  const key = new Headers(init.headers).get(IDEMPOTENCY_KEY);
  const headers = key === null ? {} : { [IDEMPOTENCY_KEY]: key };
  const { body } = init;
  if (typeof body === 'string') return { body, headers: { ...headers, 'content-type': 'application/json' } };
  const form = new Response(body);
  const type = form.headers.get('content-type') ?? '';
  return { body: new Uint8Array(await form.arrayBuffer()), headers: { ...headers, 'content-type': type } };
}
