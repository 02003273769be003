import { join } from 'node:path';
import { setTimeout } from 'node:timers/promises';
import { describe, expect, it } from 'vitest';
import { withRetries } from '../../src/client/retry.ts';
import { SoraError } from '../../src/domain/errors.ts';
import { factsOf, type JobRecord, type LedgerEvent, type Submitter, spentMicros } from '../../src/domain/record.ts';
import type { JobStatus, VideoRequest } from '../../src/domain/video.ts';
import { characterRequest } from '../../src/jobs/character.ts';
import { fingerprintOf, recordRequest } from '../../src/jobs/fingerprint.ts';
import { type Submission, submit } from '../../src/jobs/submit.ts';
import type { RowOrder, RowRef, SubmitOrder } from '../../src/jobs/submit-order.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { FileLedger } from '../../src/store/file-ledger.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createFates, createProcess } from '../support/processes.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { startVideosServer, type VideosScript, type VideosServer } from '../support/videos-server.ts';

const NOW_MS = 1_790_000_000_000;
const PRICE = { micros: 400_000, priceList: 'test' };

/** Time stands still, but a sleep lets others run: thousands of sleeps outlast a call on a busy machine. */
const clock: Clock = {
  now: () => NOW_MS,
  uptimeMs: () => 0,
  sleep: () => setTimeout(2),
  alarm: () => () => {},
};

interface Process {
  readonly ledger: FileLedger;
  submit(changes?: Partial<SubmitOrder> & { maxCostPerDayMicros?: number; free?: boolean }): Promise<Submission>;
}

interface Machine {
  readonly server: VideosServer;
  /** A process with its own ledger object on the shared file. */
  process(pid: number): Process;
}

interface World {
  readonly alive?: readonly number[];
  readonly hasCompleteList?: boolean;
  /** Whether creates are sent again after a 429. */
  readonly isPatient?: boolean;
}

async function setUp(script: VideosScript = {}, { alive = [1, 2, 3], ...world }: World = {}): Promise<Machine> {
  const calls = createFakeClock();
  const server = await startVideosServer({
    ...script,
    create(accept, request) {
      const reply = script.create?.(accept, request) ?? null;
      if (reply === 'hang') calls.advance(10_000);
      return reply;
    },
  });
  const folder = createTemporaryFolder();
  let seed = 0;
  return {
    server,
    process(pid) {
      const ledger = new FileLedger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
      const { client } = createVideosClient(server.url, { clock: calls });
      const deps = {
        server: { profile: 'lab', baseUrl: server.url },
        client: world.isPatient ? withRetries(client, { clock, random: () => 0 }) : client,
        ledger,
        clock,
        self: createProcess(pid),
        fateOf: createFates(alive),
        hasCompleteList: world.hasCompleteList ?? false,
        randomBytes: createSeededRandom(++seed),
      };
      const order: SubmitOrder = { request: createVideoRequest(), estimate: PRICE };
      return {
        ledger,
        submit: ({ maxCostPerDayMicros: capMicros, free = false, ...changes } = {}) => {
          const dayCaps = capMicros === undefined ? [] : [{ profile: null, isPerUser: false, capMicros }];
          return submit({ ...deps, free, dayCaps }, { ...order, ...changes });
        },
      };
    },
  };
}

const answers = async (ledger: FileLedger): Promise<JobRecord['answer'][]> =>
  (await ledger.list({ by: 'everything' })).map(({ answer }) => answer);

interface Left {
  readonly request?: VideoRequest;
  readonly row?: RowRef | null;
  /** Whether the process had started to send the create before it was killed. */
  readonly isSent?: boolean;
  readonly submitter?: Submitter;
}

/** Records what a process leaves behind when it is killed during its create. */
function leaveIntent(
  { process, server }: Machine,
  pid: number,
  { request = createVideoRequest(), row = null, isSent = true, submitter = createProcess(pid) }: Left = {},
): Promise<void> {
  const recorded = recordRequest(request);
  const at = { key: 'sub_left', atMs: NOW_MS };
  const intent: LedgerEvent = {
    event: 'intent',
    ...at,
    ...submitter,
    profile: 'lab',
    baseUrl: server.url,
    fingerprint: fingerprintOf(server.url, recorded),
    request: recorded,
    estimatedMicros: PRICE.micros,
    priceList: PRICE.priceList,
    free: false,
    batch: row?.batch ?? null,
    row: row?.key ?? null,
  };
  return process(pid).ledger.append(intent, ...(isSent ? [{ event: 'sending', ...at, uptimeMs: 0 } as const] : []));
}

describe('processes that submit the same request at once', () => {
  it('send one create, and share its job', async () => {
    const { server, process } = await setUp();
    const submissions = await Promise.all([1, 2, 3].map((pid) => process(pid).submit()));
    expect(server.posts).toBe(1);
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'attached', 'submitted']);
    expect(new Set(submissions.map(({ record }) => record.job?.id))).toEqual(new Set(['video_1']));
  });

  it('share a character that one of them has created', async () => {
    const machine = await setUp();
    const video = { kind: 'file', name: 'mossy.mp4', mimeType: 'video/mp4', bytes: Buffer.from('moss') } as const;
    const request = characterRequest('Mossy', video);
    await leaveIntent(machine, 1, { request });
    const job = factsOf({ ...createVideoJob(), id: 'char_1', status: 'completed' });
    await machine.process(1).ledger.append({ event: 'accepted', key: 'sub_left', atMs: NOW_MS, job });
    const { kind, record } = await machine.process(2).submit({ request });
    expect({ kind, id: record.job?.id }).toEqual({ kind: 'attached', id: 'char_1' });
    expect(machine.server.requests).toEqual([]);
  });

  it('share the refusal of that one create', async () => {
    const { server, process } = await setUp({
      create: () => ({ status: 400, body: { error: { message: 'no such size' } } }),
    });
    const outcomes = await Promise.allSettled([1, 2].map((pid) => process(pid).submit()));
    const codes = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.code);
    expect(server.posts).toBe(1);
    expect(codes.sort()).toEqual(['duplicate_request', 'invalid_request']);
  });

  it('send one create each with `again`', async () => {
    const { server, process } = await setUp();
    await Promise.all([1, 2].map((pid) => process(pid).submit({ again: true })));
    expect(server.posts).toBe(2);
  });
});

describe('a submission that another process left without a reply', () => {
  const { prompt, model } = createVideoRequest();
  /** By the server's clock, which is that of its `Date` header. */
  const justNow = (): number => Math.floor(Date.now() / 1000);

  it('is found in the list when the process is gone', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4);
    machine.server.jobs.push({ id: 'video_lost', status: 'queued', prompt, model, created_at: justNow() });
    const { kind, record } = await machine.process(5).submit();
    expect({ kind, key: record.key, id: record.job?.id }).toEqual({
      kind: 'attached',
      key: 'sub_left',
      id: 'video_lost',
    });
    expect(machine.server.posts).toBe(0);
  });

  it('stays unknown when it is not in the list, and is not sent again', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4);
    await expect(machine.process(5).submit()).rejects.toMatchObject({
      code: 'outcome_unknown',
      submission: 'sub_left',
      hints: [
        expect.stringContaining('sora status sub_left'),
        expect.stringContaining('sora attach sub_left ID'),
        expect.stringContaining('sora forget sub_left'),
      ],
    });
    expect(machine.server.posts).toBe(0);
  });

  it('is reported with candidates if none is certain', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4);
    machine.server.jobs.push({
      id: 'video_cut',
      status: 'queued',
      prompt: `${prompt.slice(0, 5)}…`,
      created_at: justNow(),
    });
    await expect(machine.process(5).submit()).rejects.toMatchObject({
      hints: expect.arrayContaining([expect.stringContaining('sora attach sub_left video_cut')]),
    });
  });

  it('is waited for while the process lives', async () => {
    const machine = await setUp({}, { alive: [4] });
    await leaveIntent(machine, 4);
    const waiting = machine.process(5).submit();
    const job = factsOf(createVideoJob({ id: 'video_of_the_living' }));
    await machine.process(4).ledger.append({ event: 'accepted', key: 'sub_left', atMs: NOW_MS, job });
    expect((await waiting).record.job?.id).toBe('video_of_the_living');
    expect(machine.server.requests).toEqual([]);
  });

  it('is replaced once when the process ended before it sent anything', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4, { isSent: false });
    const submissions = await Promise.all([1, 2, 3].map((pid) => machine.process(pid).submit()));
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'attached', 'submitted']);
    expect(machine.server.posts).toBe(1);
  });

  it('is sent only once when a live process is mistaken for a dead one', async () => {
    const machine = await setUp({}, { alive: [2] });
    const { ledger, submit: send } = machine.process(1);
    const append = ledger.append.bind(ledger);
    let other: Promise<Submission> | undefined;
    ledger.append = async (...events) => {
      if (events[0]?.event === 'sending') {
        other ??= machine.process(2).submit();
        await other;
      }
      await append(...events);
    };
    const own = await send();
    expect(machine.server.posts).toBe(1);
    expect(own).toMatchObject({ kind: 'attached', record: { key: (await other)?.record.key } });
  });

  it.each<[string, Submitter]>([
    ['another host', createProcess(4, { host: 'there' })],
    ['a version that does not record its host', { pid: 4 }],
  ])('by %s is waited for briefly, and stays unknown', async (_, submitter) => {
    const machine = await setUp({}, { alive: [] });
    await leaveIntent(machine, 4, { submitter });
    await expect(machine.process(5).submit()).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect((await machine.process(5).ledger.byKey('sub_left'))?.answer).toBe('unknown');
    expect(machine.server.posts).toBe(0);
  });

  it('by another host that has not sent it yet is not taken over', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4, { submitter: createProcess(4, { host: 'there' }), isSent: false });
    await expect(machine.process(5).submit()).rejects.toMatchObject({
      code: 'outcome_unknown',
      message: expect.stringContaining('process 4 on there'),
    });
    expect((await machine.process(5).ledger.byKey('sub_left'))?.answer).toBe('pending');
    expect(machine.server.posts).toBe(0);
  });

  it('is sent again when the profile says that the list is complete', async () => {
    const machine = await setUp({}, { hasCompleteList: true });
    await leaveIntent(machine, 4);
    expect(await machine.process(5).submit()).toMatchObject({ kind: 'submitted' });
    expect(machine.server.posts).toBe(1);
    expect(await answers(machine.process(5).ledger)).toEqual(['rejected', 'accepted']);
  });
});

describe('a create refused with a 429', () => {
  it('counts as not sent while it waits for the next attempt', async () => {
    const machine = await setUp({ create: () => ({ status: 429, body: 'slow down' }) }, { isPatient: true });
    const { ledger, submit: send } = machine.process(1);
    const seen: boolean[] = [];
    const append = ledger.append.bind(ledger);
    ledger.append = async (...events) => {
      await append(...events);
      seen.push((await ledger.byKey(events[0]?.key ?? ''))?.isSent === true);
    };
    await expect(send()).rejects.toMatchObject({ code: 'rate_limit_exceeded' });
    expect(seen.slice(0, 3)).toEqual([true, false, true]);
  });
});

describe('a create whose sending is recorded with an error', () => {
  it('does not leave, and is not in doubt', async () => {
    const { server, process } = await setUp({}, { alive: [] });
    const { ledger, submit: send } = process(1);
    const append = ledger.append.bind(ledger);
    ledger.append = async (...events) => {
      await append(...events);
      if (events[0]?.event === 'sending') throw new SoraError('cannot_write', { causedBy: 'EDQUOT: fdatasync' });
    };
    await expect(send()).rejects.toMatchObject({ code: 'cannot_write' });
    expect(server.posts).toBe(0);
    await expect(process(2).submit()).resolves.toMatchObject({ kind: 'submitted' });
    expect(server.posts).toBe(1);
  });
});

describe('a job that cannot be recorded', () => {
  it('continues, and is reported with its id', async () => {
    const { server, process } = await setUp({}, { alive: [] });
    const { ledger, submit: send } = process(1);
    const append = ledger.append.bind(ledger);
    ledger.append = async (...events) => {
      if (events[0]?.event === 'accepted') throw new SoraError('cannot_write', { causedBy: 'ENOSPC' });
      await append(...events);
    };
    const { kind, job, record, unrecorded } = await send();
    expect({ kind, id: job?.id, known: record.job?.id }).toEqual({
      kind: 'submitted',
      id: 'video_1',
      known: 'video_1',
    });
    expect(unrecorded).toMatchObject({
      code: 'cannot_write',
      jobId: 'video_1',
      submission: record.key,
      message: expect.stringMatching(/video_1 .* is paid/),
    });
    await expect(process(2).submit()).resolves.toMatchObject({ kind: 'attached', record: { key: record.key } });
    expect(server.posts).toBe(1);
  });
});

describe('the daily cap', () => {
  const CAP = { maxCostPerDayMicros: 1_000_000, again: true };

  it('counts the submissions of all processes, and refuses what would exceed it', async () => {
    const { server, process } = await setUp();
    const outcomes = await Promise.allSettled([1, 2, 3].map((pid) => process(pid).submit(CAP)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'cost_cap_exceeded', message: expect.stringContaining('to $1.20, over its cap of $1.00') },
    });
    expect(server.posts).toBe(2);
  });

  it('ignores later submissions, so that of several at once the first ones are sent', async () => {
    const machine = await setUp();
    const { ledger, submit: send } = machine.process(1);
    const append = ledger.appendAhead.bind(ledger);
    ledger.appendAhead = async (...events) => {
      await append(...events);
      if (events[0]?.event === 'intent')
        await leaveIntent(machine, 4, { request: createVideoRequest({ prompt: 'another' }) });
    };
    expect(await send({ maxCostPerDayMicros: PRICE.micros })).toMatchObject({ kind: 'submitted' });
  });

  it('counts neither refused nor free submissions', async () => {
    let isRefusing = true;
    const { server, process } = await setUp({ create: () => (isRefusing ? { status: 400, body: 'no' } : null) });
    const { submit: send, ledger } = process(1);
    await expect(send(CAP)).rejects.toMatchObject({ code: 'invalid_request' });
    isRefusing = false;
    await send({ ...CAP, free: true });
    await send({ ...CAP, free: true });
    await send(CAP);
    await send(CAP);
    await expect(send(CAP)).rejects.toMatchObject({ code: 'cost_cap_exceeded' });
    await send({ ...CAP, estimate: { micros: 200_000, priceList: 'test' } });
    expect(server.posts).toBe(6);
    expect(await answers(ledger)).toEqual(['rejected', ...Array(5).fill('accepted')]);
  });

  it('cannot be enforced when the price of an earlier job of the day is unknown', async () => {
    const { server, process } = await setUp();
    const { submit: send } = process(1);
    await send({ estimate: null });
    await expect(send(CAP)).rejects.toMatchObject({
      code: 'cost_cap_exceeded',
      message: expect.stringContaining('the price of 1 earlier job is unknown'),
      hints: [expect.stringContaining('cost --spent'), expect.stringContaining('config unset max_cost_per_day')],
    });
    expect(server.posts).toBe(1);
  });

  it('cannot be enforced when the price is unknown, so nothing is sent', async () => {
    const { server, process } = await setUp();
    await expect(process(1).submit({ ...CAP, estimate: null })).rejects.toMatchObject({ code: 'cost_cap_exceeded' });
    expect(server.posts).toBe(0);
  });
});

describe('a row of a manifest', () => {
  const BATCH = '/work/shots.jsonl';
  const row = (key: string, more: Partial<RowOrder> = {}): { row: RowOrder } => ({
    row: { batch: BATCH, key, after: null, givesUp: null, maxCostMicros: null, ...more },
  });
  const lostRequest = createVideoRequest({ prompt: 'lost' });

  /** The record of a row, its job in this status. */
  async function endJob({ process }: Machine, key: string, status: JobStatus): Promise<JobRecord> {
    const { ledger } = process(9);
    const records = await ledger.list({ by: 'row', value: key });
    const record = records.findLast(({ job }) => job !== null);
    if (record?.job == null) throw new Error('the row has no job');
    await ledger.append({ event: 'seen', key: record.key, atMs: NOW_MS, job: { ...record.job, status } });
    return record;
  }

  it('gets one video from any number of processes, even after it is finished', async () => {
    const machine = await setUp();
    const { server, process } = machine;
    const submissions = await Promise.all([1, 2].map((pid) => process(pid).submit(row('a'))));
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'submitted']);
    const { key } = await endJob(machine, 'a', 'completed');
    expect(await process(3).submit(row('a'))).toMatchObject({ kind: 'attached', record: { key } });
    expect(server.posts).toBe(1);
  });

  it('is separate from another row with an equal request', async () => {
    const { server, process } = await setUp();
    await process(1).submit(row('a'));
    await process(2).submit(row('b'));
    expect(server.posts).toBe(2);
    const records = await process(1).ledger.list({ by: 'batch', value: BATCH });
    expect(records.map(({ row: key }) => key)).toEqual(['a', 'b']);
  });

  it('is not submitted again by a run that wrote its intent while the row failed in another', async () => {
    const machine = await setUp();
    const { ledger, submit: submitLate } = machine.process(2);
    const append = ledger.appendAhead.bind(ledger);
    ledger.appendAhead = async (...events) => {
      await machine.process(1).submit(row('a'));
      await endJob(machine, 'a', 'failed');
      await append(...events);
    };
    expect(await submitLate(row('a'))).toMatchObject({ kind: 'attached', record: { job: { status: 'failed' } } });
    expect(machine.server.posts).toBe(1);
  });

  it.each([
    ['failed', false],
    ['was abandoned when the server no longer had it', true],
  ])('that %s is submitted again only by a run that knows it', async (_, isRemoved) => {
    const machine = await setUp();
    const { server, process } = machine;
    await process(1).submit(row('a'));
    const { key } = await endJob(machine, 'a', isRemoved ? 'queued' : 'failed');
    if (isRemoved) await process(9).ledger.append({ event: 'removed', key, atMs: NOW_MS });
    expect(await process(2).submit(row('a'))).toMatchObject({ kind: 'attached', record: { key } });
    expect(server.posts).toBe(1);
    const retries = await Promise.all([3, 4].map((pid) => process(pid).submit(row('a', { after: key }))));
    expect(retries.map(({ kind }) => kind).sort()).toEqual(['attached', 'submitted']);
    expect(server.posts).toBe(2);
    await endJob(machine, 'a', 'failed');
    expect(await process(5).submit(row('a', { after: key }))).toMatchObject({ kind: 'attached' });
    expect(server.posts).toBe(2);
  });

  it('may be retried after a refusal in another process', async () => {
    let isRefusing = true;
    const { process } = await setUp({ create: () => (isRefusing ? { status: 429, body: 'slow down' } : null) });
    const outcomes = await Promise.allSettled([1, 2].map((pid) => process(pid).submit(row('a'))));
    const isRetryable = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.retryable);
    expect(isRetryable).toEqual([true, true]);
    isRefusing = false;
    expect(await process(2).submit(row('a'))).toMatchObject({ kind: 'submitted' });
  });

  it('is sent again when it is missing from a complete list', async () => {
    const machine = await setUp({}, { hasCompleteList: true });
    const { server, process } = machine;
    await leaveIntent(machine, 4, { request: lostRequest, row: row('b').row });
    const order = { ...row('b'), request: lostRequest };
    await expect(process(2).submit(order)).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
    expect(await process(3).submit(order)).toMatchObject({ kind: 'submitted' });
    expect(server.posts).toBe(1);
  });

  const replies: [string, ScriptedReply, string][] = [
    ['a broken connection', 'drop', 'connection_failed'],
    ['a server error', { status: 500, body: 'oh' }, 'connection_failed'],
    ['a busy server', { status: 503, body: 'later' }, 'connection_failed'],
    ['a timeout, after which it may still arrive', 'hang', 'outcome_unknown'],
    ['a gateway that gave up waiting', { status: 504, body: 'late' }, 'outcome_unknown'],
    ['a server that gave up waiting', { status: 408, body: 'late' }, 'outcome_unknown'],
    ['a server that has it already', { status: 409, body: 'twice' }, 'outcome_unknown'],
    ['an unreadable success', { body: '<html>' }, 'outcome_unknown'],
  ];

  it.each(replies)('that is missing from a complete list after %s ends correctly', async (_, reply, code) => {
    const { process, server } = await setUp({ create: () => reply }, { hasCompleteList: true });
    await expect(process(2).submit(row('b'))).rejects.toMatchObject({ code });
    await expect(process(3).submit(row('b'))).rejects.toMatchObject({ code });
    expect(server.posts).toBe(code === 'outcome_unknown' ? 1 : 2);
  });

  it('is not sent again when a complete list without it is followed by an error', async () => {
    let looks = 0;
    const machine = await setUp(
      { list: () => (looks++ % 2 === 0 ? null : { status: 405, body: 'no list' }) },
      { hasCompleteList: true },
    );
    await leaveIntent(machine, 4, { request: lostRequest, row: row('b').row });
    for (const pid of [2, 3])
      await expect(machine.process(pid).submit({ ...row('b'), request: lostRequest })).rejects.toMatchObject({
        code: 'outcome_unknown',
      });
    expect(machine.server.posts).toBe(0);
  });

  it.each(replies)('is not sent again after %s, whatever an incomplete list shows', async (_, reply) => {
    const { process, server } = await setUp({ create: (__, { body }) => (body.includes('lost') ? reply : null) });
    await process(1).submit(row('a'));
    const order = { ...row('b'), request: lostRequest };
    await expect(process(2).submit(order)).rejects.toMatchObject({ code: 'outcome_unknown' });
    await process(1).submit(row('c'));
    await expect(process(3).submit(order)).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(server.posts).toBe(3);
  });

  it('is paid once when two processes search for its job at the same time', async () => {
    const { process, server } = await setUp({
      create(accept, { body }) {
        const answer = accept();
        return body.includes('lost') ? 'drop' : answer;
      },
    });
    await process(1).submit(row('a'));
    const order = { ...row('b'), request: lostRequest };
    const submissions = await Promise.all([1, 2, 3].map((pid) => process(pid).submit(order)));
    expect(submissions.map(({ record }) => record.job?.id)).toEqual(['video_2', 'video_2', 'video_2']);
    expect(server.posts).toBe(2);
  });

  it('stays unknown when no list has it', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4, { row: row('b').row });
    await expect(machine.process(2).submit(row('b'))).rejects.toMatchObject({ code: 'outcome_unknown' });
    await expect(machine.process(3).submit(row('b'))).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(machine.server.posts).toBe(0);
  });

  it('that stays unknown is abandoned and resent once on request', async () => {
    const machine = await setUp();
    const { process, server } = machine;
    await leaveIntent(machine, 4, { request: lostRequest, row: row('b').row });
    const order = { ...row('b', { givesUp: 'sub_left' }), request: lostRequest };
    const givenUp = await Promise.allSettled([1, 2].map((pid) => process(pid).submit(order)));
    for (const outcome of givenUp) {
      if (outcome.status === 'rejected') {
        expect(outcome.reason).toMatchObject({ retryable: true, message: expect.stringContaining('may exist') });
      }
    }
    await Promise.all([1, 2].map((pid) => process(pid).submit(order)));
    expect(await process(3).submit({ ...row('b'), request: lostRequest })).toMatchObject({ kind: 'attached' });
    expect(server.posts).toBe(1);
    const records = await process(3).ledger.list({ by: 'everything' });
    const costs = records.map(spentMicros).filter((micros) => micros !== 0);
    expect(costs).toEqual([PRICE.micros, PRICE.micros]);
  });
});
