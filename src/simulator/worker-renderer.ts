import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import pLimit from 'p-limit';
import type { Variant } from '../domain/video.ts';
import type { ClipSpec } from '../test-card/clip.ts';

export interface RenderOrder {
  readonly spec: ClipSpec;
  readonly variant: Variant;
}

/** Renders in a worker thread, because a clip takes a fifth of a second, during which a server must keep answering. */
export class WorkerRenderer {
  readonly #file: string;
  /** The thread renders one file after the other. */
  readonly #takeTurn = pLimit(1);
  #worker: Worker | undefined;

  /** `file` is the built `render-worker.ts`. The thread starts on first use, and again after an error. */
  constructor(file: string) {
    this.#file = file;
  }

  render(spec: ClipSpec, variant: Variant): Promise<Uint8Array> {
    return this.#takeTurn(async () => {
      this.#worker ??= this.#start();
      const order: RenderOrder = { spec, variant };
      this.#worker.postMessage(order);
      const isOver = new AbortController();
      const ended = once(this.#worker, 'exit', { signal: isOver.signal }).then(() => {
        throw new Error('the rendering thread ended');
      });
      try {
        const [bytes] = await Promise.race([once(this.#worker, 'message', { signal: isOver.signal }), ended]);
        return bytes;
      } finally {
        isOver.abort();
      }
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#file);
    worker.unref();
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    worker.once('error', forget).once('exit', forget);
    return worker;
  }
}
