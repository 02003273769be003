import { isJsonObject, type JsonValue } from '../domain/json.ts';
import type { VideoJob } from '../domain/video.ts';
import { textOf, wordsOf } from './fields.ts';
import { decodeJob, decodeStatus, type ReplyFacts } from './job.ts';

export interface DecodedPage {
  readonly jobs: readonly VideoJob[];
  /** Null if the server does not report it. */
  readonly hasMore: boolean | null;
  readonly lastId: string | null;
}

/** Where servers have the jobs of a page. */
const LISTS = ['data', 'videos', 'items', 'results'];

/** A page of jobs; null if the body is not a list. Items without an id are left out. */
export function decodePage(body: JsonValue | undefined, facts: ReplyFacts): DecodedPage | null {
  const envelope = isJsonObject(body) ? body : {};
  const items = [body, ...LISTS.map((name) => envelope[name])].find((value) => Array.isArray(value));
  if (items === undefined) return null;
  const jobs = items.flatMap((item) => decodeJob(item, facts) ?? []);
  return {
    jobs,
    hasMore: typeof envelope.has_more === 'boolean' ? envelope.has_more : null,
    lastId: textOf(envelope.last_id) ?? jobs.at(-1)?.id ?? null,
  };
}

/** Whether the reply to a DELETE confirms that the video is gone. */
export function decodeDeleted(body: JsonValue | undefined): boolean {
  if (!isJsonObject(body)) return true; // an empty 2xx
  if (typeof body.deleted === 'boolean') return body.deleted;
  if (wordsOf(body.error) !== null || body.success === false) return false;
  const status = textOf(body.status);
  return status === null || decodeStatus(status) === 'cancelled' || /^(cancell?ing|deleting)$/i.test(status);
}
