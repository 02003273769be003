import OpenAI from 'openai';
import { isJsonObject, type JsonValue, parseJson } from '../domain/json.ts';
import { textOf } from '../wire/fields.ts';
import { UNSET } from './sdk.ts';

/** A notification with a valid signature, sent within five minutes of our time. */
export interface WebhookEvent {
  /** The notification's id, which is the same when it is sent again. */
  readonly webhookId: string;
  /** `video.completed`, for example; null if it names none. */
  readonly type: string | null;
  /** The id of the video that it is about; null if it names none. */
  readonly subjectId: string | null;
}

/** Verifies notifications with the official SDK (Standard Webhooks), and decodes them. */
export class WebhookReader {
  readonly #sdk: OpenAI;
  readonly #secret: string;

  /** `whsec_` followed by base64, or any text. */
  constructor(secret: string) {
    this.#secret = secret;
    this.#sdk = new OpenAI({ ...UNSET, apiKey: 'nothing is sent', baseURL: 'http://127.0.0.1' });
  }

  /** Rejects with an `Error` that states the problem. */
  async read(body: string, headers: Readonly<Record<string, string>>): Promise<WebhookEvent> {
    const webhookId = headers['webhook-id'] ?? '';
    if (webhookId === '') throw new Error('missing required header: webhook-id');
    await this.#sdk.webhooks.verifySignature(body, { ...headers }, this.#secret);
    const event: JsonValue | undefined = parseJson(body);
    if (!isJsonObject(event)) throw new Error('the body is not a JSON object');
    const subjectId = isJsonObject(event.data) ? textOf(event.data.id) : null;
    return { webhookId, type: textOf(event.type), subjectId };
  }
}
