import type { WebhookEvent, WebhookReader } from '../client/webhook-event.ts';
import { messageOf } from '../domain/errors.ts';
import {
  type Handler,
  type HttpErrorDetails,
  jsonReply,
  type ServerCall,
  type ServerReply,
} from '../http-server/handler.ts';
import type { Clock } from '../platform/clock.ts';
import { refusalReply } from './rest-error.ts';

export interface WebhookInboxOptions {
  readonly reader: WebhookReader;
  readonly clock: Pick<Clock, 'now'>;
  /** A new notification, which is acknowledged immediately. */
  readonly onEvent: (event: WebhookEvent) => void;
  /** One that was refused, or received before. */
  readonly onRefusal: (reason: string) => void;
}

/** Events of the API are a few hundred bytes. */
const MAX_BODY_BYTES = 64 << 10;
/** A signature is valid for five minutes before and after its time, so an id can come again within ten. */
const REMEMBERED_MS = 10 * 60_000;

/** Receives signed notifications at any path. Unsigned and repeated ones have no effect. */
export class WebhookInbox implements Handler {
  readonly #options: WebhookInboxOptions;
  /** When each id was received, oldest first. */
  readonly #received = new Map<string, number>();

  constructor(options: WebhookInboxOptions) {
    this.#options = options;
  }

  async answer({ method, headers, body }: ServerCall): Promise<ServerReply> {
    if (method !== 'POST') return refusalReply(405, 'not_supported', 'only POST is supported', { allow: 'POST' });
    const { reader, onEvent, onRefusal } = this.#options;
    if (body.length > MAX_BODY_BYTES) {
      onRefusal(`it has ${body.length} bytes`);
      return refusalReply(413, 'invalid_request', `a notification has at most ${MAX_BODY_BYTES} bytes`);
    }
    let event: WebhookEvent;
    try {
      event = await reader.read(new TextDecoder('utf-8', { fatal: true }).decode(body), headers);
    } catch (error) {
      const reason = messageOf(error);
      onRefusal(reason);
      return refusalReply(400, 'invalid_request', reason);
    }
    // A sender that missed our acknowledgement repeats the notification until it is acknowledged.
    if (this.#isRepeated(event.webhookId)) onRefusal(`${event.webhookId} was received before`);
    else onEvent(event);
    return jsonReply({ received: true });
  }

  refuse({ status, code = 'invalid_request', message, headers = {} }: HttpErrorDetails): ServerReply {
    return refusalReply(status, code, message, headers);
  }

  #isRepeated(id: string): boolean {
    const nowMs = this.#options.clock.now();
    for (const [old, receivedMs] of this.#received) {
      if (nowMs - receivedMs <= REMEMBERED_MS) break;
      this.#received.delete(old);
    }
    if (this.#received.has(id)) return true;
    this.#received.set(id, nowMs);
    return false;
  }
}
