import OpenAI from 'openai';
import type { JsonObject } from '../domain/json.ts';
import { exchange, type Reply } from './reply.ts';
import type { Transport } from './transport.ts';

const DAY_MS = 24 * 3_600_000;

/**
 * Posts once through the openai SDK, which encodes the body: a form as multipart, an object as JSON. The transport is its
 * `fetch`: it adds the key and the headers of the server, limits the time and reads the reply.
 *
 * Resolves with the reply whatever its status, and rejects with what the transport threw.
 */
export async function postThroughSdk(
  transport: Transport,
  path: string,
  body: JsonObject | FormData,
  headers: Readonly<Record<string, string>>,
): Promise<Reply> {
  const seen: { reply?: Reply; failure?: unknown } = {};
  const send = async (address: string, init: RequestInit): Promise<Response> => {
    const request = { method: 'POST', url: transport.withQuery(address), ...(await encode(init, headers)) };
    try {
      seen.reply = await exchange(transport, request);
    } catch (error) {
      seen.failure = error;
      throw new Error('the transport failed'); // for the SDK, which would drop an unknown error
    }
    return new Response(null, { status: seen.reply.status }); // all that the SDK needs
  };
  const sdk = new OpenAI({
    apiKey: 'the transport sends the key',
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    baseURL: transport.baseUrl,
    maxRetries: 0, // the SDK would resend a create on a 500: paid twice
    timeout: DAY_MS, // the transport limits the time instead
    logLevel: 'off',
    fetch: send as typeof fetch, // the SDK always passes the URL as text
  });
  try {
    await sdk.post(path, { body }).asResponse();
  } catch (error) {
    if (seen.reply === undefined) throw seen.failure ?? error;
  }
  if (seen.reply === undefined) throw new Error('the openai SDK sent nothing');
  return seen.reply;
}

/** The body in bytes with its type. The SDK's other headers are only for OpenAI. */
async function encode(
  { body }: RequestInit,
  headers: Readonly<Record<string, string>>,
): Promise<{ body: string | Uint8Array; headers: Record<string, string> }> {
  if (typeof body === 'string') return { body, headers: { ...headers, 'content-type': 'application/json' } };
  const form = new Response(body);
  const type = form.headers.get('content-type') ?? '';
  return { body: new Uint8Array(await form.arrayBuffer()), headers: { ...headers, 'content-type': type } };
}
