import { createHmac } from 'node:crypto';
import { messageOf } from '../domain/errors.ts';
import type { Clock } from '../platform/clock.ts';
import type { Http } from '../platform/http.ts';
import type { JobOutlook } from '../simulator/job.ts';
import type { Log } from './log.ts';

export interface WebhookOptions {
  /** Notified of every job; null for none. Jobs may name their own URL. */
  readonly url: string | null;
  /** Whether the addresses of jobs may be in this machine's own network. */
  readonly allowsPrivate: boolean;
  /** `whsec_` followed by base64, or any text. */
  readonly secret: string;
  readonly http: Http;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** The state of a job; undefined when it was deleted. */
  readonly look: (id: string) => JobOutlook | undefined;
  /** Stops all waiting. */
  readonly signal: AbortSignal;
  readonly log: Log;
}

interface Target {
  readonly url: string;
  readonly publicOnly: boolean;
}

const TIMEOUT_MS = 10_000;
const RETRY_DELAYS_MS = [1_000, 5_000, 30_000];

/** Notifies an address of finished videos, with signatures that the openai packages verify (Standard Webhooks). */
export class Webhooks {
  readonly #options: WebhookOptions;

  constructor(options: WebhookOptions) {
    this.#options = options;
  }

  /** Sends an event when a job finishes. Sends none for a job that is deleted before or never finishes. */
  watch(id: string): void {
    this.#notify(id).catch((error: unknown) => {
      if (this.#options.signal.aborted) return;
      this.#options.log('error', 'Webhook not delivered', { videoId: id, reason: String(error) });
    });
  }

  async #notify(id: string): Promise<void> {
    const { clock, look, signal } = this.#options;
    for (;;) {
      const outlook = look(id);
      const status = outlook?.video.status;
      if (status === 'completed' || status === 'failed') {
        await this.#deliverAll(id, `video.${status}`, outlook?.callbackUrl ?? null);
        return;
      }
      const endsAtMs = outlook?.endsAtMs ?? null;
      if (endsAtMs === null) return;
      await clock.sleep(Math.max(1, endsAtMs - clock.now()), signal); // may wake slightly too early
    }
  }

  /** The operator chose one address, and the client that ordered the job the other. */
  async #deliverAll(videoId: string, type: string, callbackUrl: string | null): Promise<void> {
    const { url, allowsPrivate } = this.#options;
    const targets = [
      ...(url === null ? [] : [{ url, publicOnly: false }]),
      ...(callbackUrl === null || callbackUrl === url ? [] : [{ url: callbackUrl, publicOnly: !allowsPrivate }]),
    ];
    const outcomes = await Promise.allSettled(targets.map((target) => this.#deliver(videoId, type, target)));
    const failed = outcomes.find((outcome) => outcome.status === 'rejected');
    if (failed !== undefined) throw failed.reason;
  }

  async #deliver(videoId: string, type: string, target: Target): Promise<void> {
    const { clock, randomBytes, signal, log } = this.#options;
    const eventId = `evt_${Buffer.from(randomBytes(16)).toString('hex')}`;
    const createdAt = Math.floor(clock.now() / 1000);
    const body = JSON.stringify({ id: eventId, object: 'event', created_at: createdAt, type, data: { id: videoId } });
    for (const delayMs of [...RETRY_DELAYS_MS, null]) {
      const failure = await this.#send(eventId, body, target);
      if (failure === null) {
        log('info', 'Webhook delivered', { type, videoId });
        return;
      }
      if (delayMs === null) throw new Error(failure);
      await clock.sleep(delayMs, signal);
    }
  }

  /** Returns why the delivery failed, or null. */
  async #send(eventId: string, body: string, { url, publicOnly }: Target): Promise<string | null> {
    const { http, clock, signal } = this.#options;
    const timestamp = String(Math.floor(clock.now() / 1000));
    const signature = createHmac('sha256', this.#secretBytes())
      .update(`${eventId}.${timestamp}.${body}`)
      .digest('base64');
    try {
      const reply = await http({
        method: 'POST',
        url,
        publicOnly,
        headers: {
          'content-type': 'application/json',
          'webhook-id': eventId,
          'webhook-timestamp': timestamp,
          'webhook-signature': `v1,${signature}`,
        },
        body,
        signal,
        idleTimeoutMs: TIMEOUT_MS,
      });
      reply.body.destroy();
      return reply.status >= 200 && reply.status < 300 ? null : `HTTP ${reply.status}`;
    } catch (error) {
      signal.throwIfAborted();
      return messageOf(error);
    }
  }

  #secretBytes(): Buffer {
    const { secret } = this.#options;
    return secret.startsWith('whsec_') ? Buffer.from(secret.slice('whsec_'.length), 'base64') : Buffer.from(secret);
  }
}
