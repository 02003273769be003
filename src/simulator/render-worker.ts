// The worker thread that `worker-renderer.ts` starts.
import { parentPort } from 'node:worker_threads';
import { renderHere } from './asset-cache.ts';
import type { RenderOrder, RenderReply } from './worker-renderer.ts';

parentPort?.on('message', (order: RenderOrder) => {
  parentPort?.postMessage(render(order));
});

function render({ number, spec, variant }: RenderOrder): RenderReply {
  try {
    return { number, bytes: renderHere(spec, variant) };
  } catch (error) {
    return { number, failure: error instanceof Error ? error.message : String(error) };
  }
}
