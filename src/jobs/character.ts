import { failureOf } from '../domain/job-failure.ts';
import { type JobRecord, mayBeSameAccount, type ServerIdentity } from '../domain/record.ts';
import { isTerminal, requestFor, type VideoFile, type VideoRequest } from '../domain/video.ts';
import type { Ledger } from '../store/ledger.ts';
import { underWay } from './objection.ts';

/** Limit of the API. */
export const MAX_NAME_CHARACTERS = 80;

/** No price list has characters; only a server that is free has a price for them. */
export const CHARACTER_PRICE_FACTS = { model: null, size: null, seconds: null } as const;

/** The faults of a character's name. */
export function characterNameFaults(name: string): string[] {
  if (name.trim() === '') return ['the name is empty'];
  const characters = [...name].length;
  if (characters <= MAX_NAME_CHARACTERS) return [];
  return [`the name has ${characters} characters; the limit is ${MAX_NAME_CHARACTERS}`];
}

/** The request that creates a character from a video of it. */
export function characterRequest(name: string, video: VideoFile): VideoRequest {
  return { ...requestFor(name), source: { operation: 'character', video } };
}

/** Throws `job_failed` if the server reported that it could not create the character. */
export function requireMade({ job }: JobRecord): void {
  const failure = job !== null && isTerminal(job.status) ? failureOf(job) : null;
  if (failure !== null) throw failure;
}

/** The newest character that this request created in this account. */
export async function findCharacter(
  ledger: Ledger,
  request: VideoRequest,
  server: ServerIdentity,
): Promise<JobRecord | undefined> {
  const same = await underWay(ledger, { server, request, again: false });
  return same.findLast(({ answer, account }) => answer === 'accepted' && mayBeSameAccount(account, server.account));
}
