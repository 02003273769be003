// The worker thread that `worker-renderer.ts` starts.
import { parentPort } from 'node:worker_threads';
import { renderHere } from './asset-cache.ts';
import type { RenderOrder } from './worker-renderer.ts';

parentPort?.on('message', ({ spec, variant }: RenderOrder) => {
  parentPort?.postMessage(renderHere(spec, variant));
});
