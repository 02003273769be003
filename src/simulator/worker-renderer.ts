import { Worker } from 'node:worker_threads';
import type { Variant } from '../domain/video.ts';
import type { ClipSpec } from '../test-card/clip.ts';

export interface RenderOrder {
  readonly number: number;
  readonly spec: ClipSpec;
  readonly variant: Variant;
}

export interface RenderReply {
  readonly number: number;
  readonly bytes?: Uint8Array;
  readonly failure?: string;
}

interface Pending {
  readonly resolve: (bytes: Uint8Array) => void;
  readonly reject: (error: Error) => void;
}

/** Renders in a worker thread, because a clip takes a fifth of a second, during which a server must keep answering. */
export class WorkerRenderer {
  readonly #file: string;
  readonly #pending = new Map<number, Pending>();
  #worker: Worker | undefined;
  #orders = 0;

  /** `file` is the built `render-worker.ts`. The thread starts on first use, and again after a crash. */
  constructor(file: string) {
    this.#file = file;
  }

  render(spec: ClipSpec, variant: Variant): Promise<Uint8Array> {
    const order: RenderOrder = { number: this.#orders++, spec, variant };
    return new Promise((resolve, reject) => {
      this.#pending.set(order.number, { resolve, reject });
      this.#worker ??= this.#start();
      this.#worker.postMessage(order);
    });
  }

  async close(): Promise<void> {
    await this.#worker?.terminate();
  }

  #start(): Worker {
    const worker = new Worker(this.#file);
    worker.unref();
    worker.on('message', ({ number, bytes, failure }: RenderReply) => {
      const pending = this.#pending.get(number);
      this.#pending.delete(number);
      if (bytes !== undefined) pending?.resolve(bytes);
      else pending?.reject(new Error(failure ?? 'the rendering thread returned nothing'));
    });
    worker.on('error', (error) => this.#fail(worker, error));
    worker.on('exit', () => this.#fail(worker, new Error('the rendering thread ended')));
    return worker;
  }

  #fail(worker: Worker, error: Error): void {
    if (this.#worker !== worker) return;
    this.#worker = undefined;
    for (const { reject } of this.#pending.values()) reject(error);
    this.#pending.clear();
  }
}
