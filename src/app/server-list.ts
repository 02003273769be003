import type { Configuration } from '../configuration/configuration.ts';
import { requireKey } from '../configuration/endpoint.ts';
import { SoraError } from '../domain/errors.ts';
import type { VideoJob } from '../domain/video.ts';
import type { Context } from './context.ts';
import { profilesInUse } from './profiles-in-use.ts';

const PAGE_SIZE = 100;

/** The newest jobs of one server, as it lists them. */
export interface ServerList {
  readonly configuration: Configuration;
  /** Null where the server gave no list. */
  readonly jobs: readonly VideoJob[] | null;
  /** Why it gave none. */
  readonly error: SoraError | null;
}

/** Asks a server for its newest jobs. Rejects with nothing but an interrupt. */
export async function listServer(configuration: Configuration, limit: number, context: Context): Promise<ServerList> {
  const { interrupt, clock } = context.host;
  try {
    requireKey(configuration, clock.now());
    const { client } = await context.serverFor(configuration);
    const jobs: VideoJob[] = [];
    for (let after: string | null | undefined; after !== null && jobs.length < limit; ) {
      const query = { limit: Math.min(PAGE_SIZE, limit - jobs.length), order: 'desc' as const };
      const page = await client.list(after === undefined ? query : { ...query, after }, { signal: interrupt });
      jobs.push(...page.jobs);
      after = page.next;
    }
    return { configuration, jobs, error: null };
  } catch (error) {
    if (!(error instanceof SoraError)) throw error;
    return { configuration, jobs: null, error };
  }
}

/** Whether a server can be asked for its jobs one by one only. */
export function isWithoutList({ error }: ServerList): boolean {
  return error !== null && ['not_supported', 'endpoint_not_found'].includes(error.code);
}

/** Whether a server cannot be asked at all. */
export function isOutOfReach({ error }: ServerList): boolean {
  return error !== null && ['no_api_key', 'service_retired'].includes(error.code);
}

/** The lists of all profiles, asked for side by side; and of those servers that failed an error each, by name. */
export async function listAllServers(
  limit: number,
  context: Context,
): Promise<{ readonly lists: readonly ServerList[]; readonly errors: readonly SoraError[] }> {
  const asked = profilesInUse(context).map((configuration) => listServer(configuration, limit, context));
  const lists = await Promise.all(asked);
  const errors: SoraError[] = [];
  for (const list of lists) {
    const { error, configuration } = list;
    if (error === null) continue;
    const { value: profile } = configuration.profile;
    const isExpected = isWithoutList(list) || error.code === 'service_retired';
    if (isExpected) context.output.note(`profile ${profile}: only the local ledger is shown: ${error.message}`);
    else errors.push(error.with({ title: `profile ${profile}: ${error.message}` }));
  }
  return { lists, errors };
}
