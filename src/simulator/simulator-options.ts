import type { SHAPES } from '../domain/dialect.ts';
import type { Clock } from '../platform/clock.ts';
import type { Renderer } from './asset-cache.ts';
import type { Conditions } from './conditions.ts';
import type { FaultName } from './faults.ts';

export interface SimulatorOptions {
  /** The simulator's own folder; its jobs are in `jobs.jsonl`, shared by all processes that use the folder. */
  readonly stateDir: string;
  readonly clock: Clock;
  readonly randomBytes: (size: number) => Uint8Array;
  /** How many times faster than usual jobs are rendered; stored with each job when it is created. */
  readonly speed?: number;
  /** A fault for every call; a job fault is stored with each job that is created. */
  readonly fault?: FaultName | null;
  /** The shape of dialect `generations`; default `guide`. */
  readonly shape?: (typeof SHAPES)[number];
  /** Faults for some of the calls; replaces `fault`. */
  readonly conditions?: Conditions;
  /** Renders the jobs' files; default: in the calling thread. */
  readonly render?: Renderer;
  /** Ends all latency: waiting calls are answered immediately. */
  readonly signal?: AbortSignal;
  /** Whether notifications are sent to the address that a create names; without it, such a create is refused. */
  readonly takesCallbacks?: boolean;
  /** Called with the id of each new job. */
  readonly onCreate?: (id: string) => void;
}
