import type { Shape } from '../domain/dialect.ts';
import type { Clock } from '../platform/clock.ts';
import type { Renderer } from './asset-cache.ts';
import type { Conditions } from './conditions.ts';
import type { FaultName } from './faults.ts';

export interface SimulatorOptions {
  /** A folder for the simulator alone; its jobs live in `jobs.jsonl` there, shared by all processes that use it. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How many times faster than usual jobs are made; fixed into each job when it is created. */
  readonly speed?: number;
  /** What is to go wrong with every call; a fault of jobs is fixed into each job that is created under it. */
  readonly fault?: FaultName | null;
  /** How dialect `generations` is spoken; `guide` when left out. */
  readonly shape?: Shape;
  /** What is to go wrong with some calls, in the place of `fault`. */
  readonly conditions?: Conditions;
  /** Makes the files of jobs; in the calling thread without it. */
  readonly render?: Renderer;
  /** Ends all latency: what still waits is answered at once. */
  readonly signal?: AbortSignal;
  /** Hears of each new job, by its id. */
  readonly onCreate?: (id: string) => void;
}
