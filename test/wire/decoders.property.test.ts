import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { isJsonObject, type JsonObject, type JsonValue, parseExactJson } from '../../src/domain/json.ts';
import { JOB_STATUSES, type VideoJob } from '../../src/domain/video.ts';
import { decodeErrorBody } from '../../src/wire/error-body.ts';
import { decodeJob, decodeStatus } from '../../src/wire/job.ts';
import { decodePollingUrl } from '../../src/wire/json-dialects.ts';
import { decodeDeleted, decodePage } from '../../src/wire/videos.ts';
import { mutated, mutatedBody } from '../support/mutations.ts';
import { errorReplies, JOB_REPLIES } from '../support/server-replies.ts';

const FACTS = { requestId: null, pollAfterMs: null };
const RUNS = { numRuns: 10_000, seed: 20_261_123 };
const JOBS = Object.values(JOB_REPLIES);
const PAGES = [{ object: 'list', data: JOBS, has_more: true, last_id: 'x' }, { data: JOBS.slice(0, 2) }, JOBS];
const WORDS = 'the server’s own words';

/** A status as shown; null for an empty one. */
function shownStatus(status: JsonValue | undefined): string | null {
  if (typeof status === 'string') return status || null;
  if (typeof status === 'number') return String(status);
  const isEmpty = typeof status !== 'object' || status === null || Object.keys(status).length === 0;
  return isEmpty ? null : JSON.stringify(status).slice(0, 2_000);
}

/** Every value under `status`, anywhere in a reply. */
function statusWordsIn(value: JsonValue): string[] {
  if (typeof value !== 'object' || value === null) return [];
  const own = isJsonObject(value) ? shownStatus(value.status) : null;
  const below = Object.values(value).flatMap((item: JsonValue) => statusWordsIn(item));
  return own === null ? below : [own, ...below];
}

/** Where a reply may describe the job: at the top, or inside a wrapper. */
function jobPartOf(reply: JsonValue): JsonObject {
  if (!isJsonObject(reply)) return {};
  const hasId = Boolean(reply.id) || Boolean(reply.task_id);
  return !hasId && isJsonObject(reply.data) ? reply.data : reply;
}

function faultsOf(job: VideoJob, reply: JsonValue): string[] {
  const { status, serverStatus, progress, content } = job;
  const numbers = [progress, job.seconds, job.createdAtMs, job.expiresAtMs, job.completedAtMs];
  const words = statusWordsIn(reply);
  const expected = serverStatus === null && content !== null ? 'completed' : decodeStatus(serverStatus);
  return Object.entries({
    'no id': job.id !== '',
    'no status of ours': JOB_STATUSES.includes(status),
    'an invented status': status === expected,
    'an invented word': serverStatus === null || words.includes(serverStatus),
    'a lost word': serverStatus !== null || shownStatus(jobPartOf(reply).status) === null,
    'an odd number': numbers.every((number) => number === null || Number.isFinite(number)),
    'an odd progress': progress === null || (progress >= 0 && progress <= 100),
    'an odd cost': job.actualMicros === null || (Number.isSafeInteger(job.actualMicros) && job.actualMicros >= 0),
  }).flatMap(([fault, isFine]) => (isFine ? [] : [fault]));
}

/** Decodes a body in every way and counts the jobs in it. Throws if a result is wrong. */
function readReply(body: string): number {
  const value = parseExactJson(body);
  let jobs = 0;
  for (const facts of [FACTS, { ...FACTS, askedId: 'asked' }]) {
    const job = decodeJob(value, facts);
    if (job === null || value === undefined) continue;
    jobs++;
    const faults = faultsOf(job, value);
    if (faults.length > 0) throw new Error(`${faults.join(', ')}: ${JSON.stringify(job)}`);
  }
  for (const job of decodePage(value, FACTS)?.jobs ?? []) if (job.id === '') throw new Error('no id');
  decodeDeleted(value);
  decodePollingUrl(value);
  if (decodeErrorBody(body).message.length > 2_000) throw new Error('a message without end');
  return jobs;
}

describe('the decoders, with any reply', () => {
  it('read 10,000 mutated replies without a crash, an invented status or a lost word', () => {
    let jobs = 0;
    const replies = [...JOBS, ...PAGES, ...errorReplies(WORDS)];
    const whole = new Set(replies.map((reply) => JSON.stringify(reply)));
    const read = new Set<string>();
    fc.assert(
      fc.property(mutatedBody(replies), (body) => {
        if (whole.has(body) || read.has(body)) return;
        read.add(body);
        jobs += readReply(body);
      }),
      { ...RUNS, numRuns: 14_000 }, // some repeat, and a few are not mutated
    );
    expect(read.size).toBeGreaterThanOrEqual(10_000);
    expect(jobs).toBeGreaterThan(4_000);
  }, 60_000);

  it('keep the message of a refusal or failed job, wherever it is', () => {
    const expectKept = (reply: JsonValue, message: string | undefined): void => {
      if (JSON.stringify(reply).includes(WORDS)) expect(message).toContain(WORDS);
    };
    fc.assert(
      fc.property(mutated(errorReplies(WORDS)), (reply) => {
        expectKept(reply, decodeErrorBody(JSON.stringify(reply)).message);
      }),
      RUNS,
    );
    fc.assert(
      fc.property(mutated(errorReplies(WORDS).map((error) => ({ error }))), (reply) => {
        const error = isJsonObject(reply) ? (reply.error ?? null) : null;
        expectKept({ error }, decodeJob({ id: 'v', status: 'failed', error }, FACTS)?.error?.message ?? '');
      }),
      RUNS,
    );
  });

  it.each<[string, string]>([
    ['objects in objects', `{"id":"v","status":${'{"error":'.repeat(100_000)}1${'}'.repeat(100_000)}}`],
    ['lists in lists', `{"detail":[{"loc":${'['.repeat(100_000)}${']'.repeat(100_000)},"msg":"no"}]}`],
    ['an HTML page with a million title tags', `<html>${'<title'.repeat(500_000)}`],
    ['a very long number', `{"id":"v","progress":"${'9'.repeat(1_000_000)}x"}`],
    ['a very long word', `{"id":"v","status":"${' completed'.repeat(500_000)}"}`],
    ['a million errors', `{"detail":[${'{"msg":"no"},'.repeat(1_000_000)}1]}`],
  ])('finish with %s', (_, body) => {
    const startedMs = performance.now();
    const value = parseExactJson(body);
    decodeJob(value, FACTS);
    decodePage(value, FACTS);
    expect(decodeErrorBody(body).message.length).toBeLessThanOrEqual(2_000);
    expect(performance.now() - startedMs).toBeLessThan(10_000);
  });
});
