import type { VideosClient } from '../client/port.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { SoraError } from '../domain/errors.ts';
import { idOrKey, isOfServer, isOfVideo, type JobRecord, type ServerIdentity, statusOf } from '../domain/record.ts';
import { looksWhole, MIN_ENDING } from '../domain/short-id.ts';
import type { Ledger } from '../store/ledger.ts';
import type { Servers } from './servers.ts';

/** How many jobs of a server are searched for the ending of an id. */
const NEWEST_LISTED = 100;

interface NameDeps {
  readonly ledger: Ledger;
  readonly configuration: Configuration;
  readonly servers: Pick<Servers, 'identityOf'>;
}

/**
 * The record behind an id, a submission's key, the unique ending of one of them, or `@last`; of the wanted ones. If two
 * servers have the same id, the one in use comes first. Throws `video_not_found`, and `usage` for an ambiguous ending and
 * for another `@` name.
 */
export async function recordNamed(
  name: string,
  deps: NameDeps,
  isWanted?: (record: JobRecord) => boolean,
): Promise<JobRecord | undefined> {
  if (name === '@last') return lastRecord(deps, isWanted ?? isOfVideo);
  if (name.startsWith('@')) {
    throw new SoraError('usage', {
      title: `\`${name}\` is not the name of a job`,
      hints: ['write `@last` for the newest job, or an id', 'run `sora list` to see the ids'],
    });
  }
  const { ledger } = deps;
  const inUse = (records: readonly JobRecord[]): readonly JobRecord[] => {
    const wanted = isWanted === undefined ? records : records.filter(isWanted);
    const own = wanted.filter(ofServerInUse(deps));
    return own.length > 0 ? own : wanted;
  };
  const [exact] = inUse(await ledger.find(name));
  if (exact !== undefined || name.length < MIN_ENDING) return exact;
  const ending = inUse(await ledger.byEnding(name));
  const ids = [...new Set(ending.map(idOrKey))];
  if (ids.length < 2) return ending[0];
  const named = await ledger.shortIds(ids);
  throw ambiguous(
    name,
    ids.map((id, at) => {
      const record = ending.find((candidate) => idOrKey(candidate) === id);
      return `${named[at]}: ${record?.request.prompt} (${record && statusOf(record)})`;
    }),
  );
}

/** The id of a job that the ledger does not know, from an ending in the server's list. Throws `video_not_found` and `usage`. */
export async function idInList(name: string, client: VideosClient, signal: AbortSignal): Promise<string> {
  if (looksWhole(name)) return name;
  const page = await client.list({ limit: NEWEST_LISTED, order: 'desc' }, { signal }).catch((error: unknown) => {
    const isWithoutList = error instanceof SoraError && ['not_supported', 'endpoint_not_found'].includes(error.code);
    if (isWithoutList) return null;
    throw error;
  });
  if (page === null) return name;
  const found = page.jobs.filter(({ id }) => id.endsWith(name));
  const [first, ...others] = found;
  if (found.some(({ id }) => id === name)) return name;
  if (others.length > 0) {
    throw ambiguous(
      name,
      found.map(({ id, prompt, status }) => `${id}: ${prompt ?? ''} (${status})`),
    );
  }
  if (first !== undefined) return first.id;
  throw new SoraError('video_not_found', {
    title: `no job has the id \`${name}\` or one that ends with it`,
    hints: [
      ...(/^last$/i.test(name) ? ['write `@last` for the newest job'] : []),
      'run `sora list` to see the ids',
      'give the whole id of an older job that was created elsewhere',
    ],
  });
}

/**
 * Whether commands without an id act on a record: it belongs to the server in use. If no server was ever chosen and
 * the default one has no jobs, all records count.
 */
export async function scopeOf(deps: NameDeps): Promise<(record: JobRecord) => boolean> {
  const isInUse = ofServerInUse(deps);
  if (deps.configuration.baseUrl.origin !== 'default') return isInUse;
  return (await deps.ledger.newest(1, isInUse)).length === 0 ? () => true : isInUse;
}

/** Whether a record belongs to the server in use. The account is looked up for its address only: that may write a file. */
export function ofServerInUse({ configuration, servers }: Omit<NameDeps, 'ledger'>): (record: JobRecord) => boolean {
  let own: ServerIdentity | undefined;
  return (record) => {
    if (record.baseUrl !== configuration.baseUrl.value) return false;
    own ??= servers.identityOf(configuration);
    return isOfServer(record, own);
  };
}

/** The newest job of the server in use, even if it was cancelled or deleted; never one of `sora doctor`. */
async function lastRecord(deps: NameDeps, isWanted: (record: JobRecord) => boolean): Promise<JobRecord> {
  const isInScope = await scopeOf(deps);
  const [last] = await deps.ledger.newest(
    1,
    (record) => record.answer !== 'rejected' && !record.trial && isWanted(record) && isInScope(record),
  );
  if (last === undefined) {
    const { value: profile } = deps.configuration.profile;
    throw new SoraError('video_not_found', {
      title: `the ledger has no job of profile ${profile}`,
      hints: ['run `sora list --local --all-profiles` to see the jobs of all profiles'],
    });
  }
  return last;
}

function ambiguous(ending: string, candidates: readonly string[]): SoraError {
  return new SoraError('usage', {
    title: `\`${ending}\` is the ending of ${candidates.length} ids`,
    violations: candidates,
    hints: ['give more characters of the id'],
  });
}
