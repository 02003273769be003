import type { ProcessFate, ProcessIdentity } from '../../src/platform/process-identity.ts';

/** A process of one test machine. */
export function createProcess(pid: number, changes: Partial<ProcessIdentity> = {}): ProcessIdentity {
  return { host: 'here', boot: 'boot-1', pid, started: '100', ...changes };
}

/** Looks up processes on that machine; these are alive. */
export function createFates(alive: readonly number[]): (other: ProcessIdentity) => ProcessFate {
  return ({ host, pid }) => (host !== 'here' ? 'unknown' : alive.includes(pid) ? 'alive' : 'dead');
}
