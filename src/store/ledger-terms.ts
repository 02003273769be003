import { idForms } from '../domain/id-forms.ts';
import type { LedgerEvent } from '../domain/record.ts';
import { MIN_ENDING } from '../domain/short-id.ts';

/** The index terms of ledger lines; each kind has its own prefix. */
export const INTENT_TERM = 'intent';

export function keyTerm(key: string): string {
  return `key:${key}`;
}

export function idTerm(id: string): string {
  return `id:${id}`;
}

/** For ids and keys, which people identify by their endings. */
export function endingTerm(idOrKey: string): string {
  return `ending:${idOrKey.slice(-MIN_ENDING)}`;
}

export function fingerprintTerm(fingerprint: string): string {
  return `fingerprint:${fingerprint}`;
}

export function rowTerm(row: string): string {
  return `row:${row}`;
}

export function batchTerm(batch: string): string {
  return `batch:${batch}`;
}

/** `day` is `YYYY-MM-DD`, UTC. */
export function dayTerm(day: string): string {
  return `day:${day}`;
}

export function modelTerm(profile: string, model: string | null): string {
  return `model:${JSON.stringify([profile, model])}`;
}

/** All terms of an event, derived from the event alone, so that a found line can be verified by itself. */
export function termsOf(event: LedgerEvent): string[] {
  const terms = [keyTerm(event.key)];
  if (event.event === 'accepted' || event.event === 'seen') terms.push(...idForms(event.job.id).map(idTerm));
  if (event.event === 'accepted') terms.push(endingTerm(event.job.id));
  if (event.event === 'intent') {
    const day = new Date(event.atMs).toISOString().slice(0, 10);
    terms.push(INTENT_TERM, endingTerm(event.key), fingerprintTerm(event.fingerprint), dayTerm(day));
    terms.push(modelTerm(event.profile, event.request.model));
    if (event.row !== null) terms.push(rowTerm(event.row));
    if (event.batch !== null) terms.push(batchTerm(event.batch));
  }
  return terms;
}

/** FNV-1a, 32 bits. Terms may share a hash, so the terms of a found line must be checked. */
export function hashTerm(term: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < term.length; index++) hash = Math.imul(hash ^ term.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
