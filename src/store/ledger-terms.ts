import { dayOf } from '../domain/day.ts';
import { idForms } from '../domain/id-forms.ts';
import type { LedgerEvent } from '../domain/record.ts';
import { endingOf } from './ledger.ts';

/** The term of all intents. */
export const INTENT_TERM = 'intent';

/** An index term of ledger lines; a day is `YYYY-MM-DD`, UTC, and an ending that of an id or a key. */
export function termOf(kind: 'key' | 'id' | 'ending' | 'fingerprint' | 'row' | 'batch' | 'day', value: string): string {
  return `${kind}:${value}`;
}

export function modelTerm(profile: string, model: string | null): string {
  return `model:${JSON.stringify([profile, model])}`;
}

/** All terms of an event, derived from the event alone, so that a found line can be verified by itself. */
export function termsOf(event: LedgerEvent): string[] {
  const terms = [termOf('key', event.key)];
  if (event.event === 'accepted' || event.event === 'seen') {
    terms.push(...idForms(event.job.id).map((id) => termOf('id', id)));
  }
  if (event.event === 'accepted') terms.push(termOf('ending', endingOf(event.job.id)));
  if (event.event === 'intent') {
    const { key, atMs, fingerprint, profile, request, row, batch } = event;
    terms.push(
      INTENT_TERM,
      termOf('ending', endingOf(key)),
      termOf('fingerprint', fingerprint),
      termOf('day', dayOf(atMs)),
    );
    terms.push(modelTerm(profile, request.model));
    if (row !== null) terms.push(termOf('row', row));
    if (batch !== null) terms.push(termOf('batch', batch));
  }
  return terms;
}

/** FNV-1a, 32 bits. Terms may share a hash, so the terms of a found line must be checked. */
export function hashTerm(term: string): number {
  let hash = 0x811c9dc5;
  for (let index = 0; index < term.length; index++) hash = Math.imul(hash ^ term.charCodeAt(index), 0x01000193);
  return hash >>> 0;
}
