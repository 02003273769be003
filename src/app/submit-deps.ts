import type { SubmitDeps } from '../jobs/submit.ts';
import { isProcessAlive } from '../platform/host.ts';
import type { Context } from './context.ts';
import type { Server } from './server.ts';

/** What a submission to a server works with. */
export function submitDeps({ client, configuration }: Server, { host, ledger }: Context): SubmitDeps {
  const { clock, randomBytes, pid, interrupt } = host;
  const cappedProfile = configuration.maxCostPerDayProfile;
  return { client, ledger, clock, randomBytes, pid, isProcessAlive, signal: interrupt, cappedProfile };
}
