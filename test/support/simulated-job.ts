import type { SimulatedJob } from '../../src/simulator/job.ts';

/** A job of the simulator, created at 1,790,000,000.4 seconds since the epoch. */
export function createSimulatedJob(changes: Partial<SimulatedJob> = {}): SimulatedJob {
  return {
    id: 'video_1',
    createdAtMs: 1_790_000_000_400,
    model: 'sora-2',
    prompt: 'a kite',
    seconds: '4',
    size: '720x1280',
    speed: 1,
    fault: null,
    remixedFrom: null,
    idempotencyKey: null,
    fingerprint: 'f',
    ...changes,
  };
}
