import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { factsOf, type JobRecord, spentMicros } from '../../src/domain/record.ts';
import type { JobStatus } from '../../src/domain/video.ts';
import { fingerprintOf, recordRequest } from '../../src/jobs/fingerprint.ts';
import {
  type RowOrder,
  type RowTie,
  type Submission,
  type SubmitDeps,
  type SubmitOrder,
  submit,
} from '../../src/jobs/submit.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { Ledger } from '../../src/store/ledger.ts';
import type { ScriptedReply } from '../support/scripted-server.ts';
import { createSeededRandom } from '../support/seeded-random.ts';
import { createTemporaryFolder } from '../support/temporary-folder.ts';
import { createVideoJob } from '../support/video-job.ts';
import { createVideoRequest } from '../support/video-request.ts';
import { createVideosClient } from '../support/videos-client.ts';
import { startVideosServer, type VideosScript, type VideosServer } from '../support/videos-server.ts';

const NOW_MS = 1_790_000_000_000;
const PRICE = { micros: 400_000, priceList: 'test' };

/** The time stands still, but who sleeps lets the others work. */
const clock: Clock = { now: () => NOW_MS, sleep: () => new Promise((resolve) => setImmediate(resolve)) };

interface Process {
  readonly ledger: Ledger;
  submit(changes?: Partial<SubmitOrder>): Promise<Submission>;
}

interface Machine {
  readonly server: VideosServer;
  /** A process with a ledger object of its own on the one file. */
  process(pid: number): Process;
}

async function setUp(script: VideosScript = {}, alive: readonly number[] = [1, 2, 3]): Promise<Machine> {
  const server = await startVideosServer(script);
  const folder = createTemporaryFolder();
  return {
    server,
    process(pid) {
      const ledger = new Ledger({ journal: join(folder, 'ledger.jsonl'), index: join(folder, 'ledger.index') });
      const deps: SubmitDeps = {
        client: createVideosClient(server.url, { idleTimeoutMs: 200 }).client,
        ledger,
        clock,
        pid,
        randomBytes: createSeededRandom(pid),
        isProcessAlive: (other) => alive.includes(other),
      };
      const order: SubmitOrder = {
        server: { profile: 'lab', baseUrl: server.url },
        request: createVideoRequest(),
        estimate: PRICE,
        free: false,
        again: false,
        taken: new Set(),
        maxCostPerDayMicros: null,
        row: null,
      };
      return { ledger, submit: (changes = {}) => submit(deps, { ...order, ...changes }) };
    },
  };
}

const answers = (ledger: Ledger): JobRecord['answer'][] => [...ledger.all()].map(({ answer }) => answer);

/** What a process leaves behind that is killed while its create is under way. */
function leaveIntent(
  { process, server }: Machine,
  pid: number,
  request = createVideoRequest(),
  row: RowTie | null = null,
): Promise<void> {
  const recorded = recordRequest(request);
  return process(pid).ledger.append({
    event: 'intent',
    key: 'sub_left',
    atMs: NOW_MS,
    pid,
    profile: 'lab',
    baseUrl: server.url,
    fingerprint: fingerprintOf(server.url, recorded),
    request: recorded,
    estimatedMicros: PRICE.micros,
    priceList: PRICE.priceList,
    free: false,
    batch: row?.batch ?? null,
    row: row?.key ?? null,
  });
}

describe('processes that submit the same request at once', () => {
  it('send one create, and go on with its job together', async () => {
    const { server, process } = await setUp();
    const submissions = await Promise.all([1, 2, 3].map((pid) => process(pid).submit()));
    expect(server.posts).toBe(1);
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'attached', 'submitted']);
    expect(new Set(submissions.map(({ record }) => record.job?.id))).toEqual(new Set(['video_1']));
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

  it('send one each with `again`', async () => {
    const { server, process } = await setUp();
    await Promise.all([1, 2].map((pid) => process(pid).submit({ again: true })));
    expect(server.posts).toBe(2);
  });
});

describe('a submission that another process left without an answer', () => {
  it('is found in the list when the process is gone', async () => {
    const machine = await setUp({}, []);
    await leaveIntent(machine, 4);
    const { prompt, model } = createVideoRequest();
    machine.server.jobs.push({ id: 'video_of_the_dead', status: 'queued', prompt, model });
    const { kind, record } = await machine.process(5).submit();
    expect({ kind, key: record.key, id: record.job?.id }).toEqual({
      kind: 'attached',
      key: 'sub_left',
      id: 'video_of_the_dead',
    });
    expect(machine.server.posts).toBe(0);
  });

  it('stays in doubt when it is not in the list, and is not sent again', async () => {
    const machine = await setUp({}, []);
    await leaveIntent(machine, 4);
    await expect(machine.process(5).submit()).rejects.toMatchObject({
      code: 'outcome_unknown',
      hints: [expect.stringContaining('sora status sub_left'), expect.stringContaining('--again')],
    });
    expect(machine.server.posts).toBe(0);
  });

  it('is waited for while the process lives', async () => {
    const machine = await setUp({}, [4]);
    await leaveIntent(machine, 4);
    const waiting = machine.process(5).submit();
    const job = factsOf(createVideoJob({ id: 'video_of_the_living' }));
    await machine.process(4).ledger.append({ event: 'accepted', key: 'sub_left', atMs: NOW_MS, job });
    expect((await waiting).record.job?.id).toBe('video_of_the_living');
    expect(machine.server.requests).toEqual([]);
  });
});

describe('the cap of a day', () => {
  const CAP = { maxCostPerDayMicros: 1_000_000, again: true };

  it('counts what all processes have submitted, and holds back what would go over it', async () => {
    const { server, process } = await setUp();
    const outcomes = await Promise.allSettled([1, 2, 3].map((pid) => process(pid).submit(CAP)));
    expect(outcomes.filter(({ status }) => status === 'fulfilled')).toHaveLength(2);
    expect(outcomes.find(({ status }) => status === 'rejected')).toMatchObject({
      reason: { code: 'cost_cap_exceeded', message: expect.stringContaining('to $1.20, over its cap of $1.00') },
    });
    expect(server.posts).toBe(2);
  });

  it('does not count what came after, so that of several at once the first ones are sent', async () => {
    const machine = await setUp();
    const { ledger, submit: send } = machine.process(1);
    const append = ledger.append.bind(ledger);
    ledger.append = async (...events) => {
      await append(...events);
      if (events[0]?.event === 'intent') await leaveIntent(machine, 4, createVideoRequest({ prompt: 'another' }));
    };
    expect(await send({ maxCostPerDayMicros: PRICE.micros })).toMatchObject({ kind: 'submitted' });
  });

  it('counts neither refused submissions nor free ones, and a held back one not either', async () => {
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
    expect(answers(ledger)).toEqual([
      'rejected',
      'accepted',
      'accepted',
      'accepted',
      'accepted',
      'rejected',
      'accepted',
    ]);
  });

  it('cannot be kept where the price is not known, so nothing is sent', async () => {
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
    const record = ledger.byRow(key).findLast(({ job }) => job !== null);
    if (record?.job == null) throw new Error('the row has no job');
    await ledger.append({ event: 'seen', key: record.key, atMs: NOW_MS, job: { ...record.job, status } });
    return record;
  }

  it('has one video, however many processes run it, and also after that is finished', async () => {
    const machine = await setUp();
    const { server, process } = machine;
    const submissions = await Promise.all([1, 2].map((pid) => process(pid).submit(row('a'))));
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'submitted']);
    const { key } = await endJob(machine, 'a', 'completed');
    expect(await process(3).submit(row('a'))).toMatchObject({ kind: 'attached', record: { key } });
    expect(server.posts).toBe(1);
  });

  it('is not the same as another row with an equal request', async () => {
    const { server, process } = await setUp();
    await process(1).submit(row('a'));
    await process(2).submit(row('b'));
    expect(server.posts).toBe(2);
    expect([...process(1).ledger.byBatch(BATCH)].map(({ row: key }) => key)).toEqual(['a', 'b']);
  });

  it('that failed is made anew only by a run that knows of the failure', async () => {
    const machine = await setUp();
    const { server, process } = machine;
    await process(1).submit(row('a'));
    const { key } = await endJob(machine, 'a', 'failed');
    expect(await process(2).submit(row('a'))).toMatchObject({ kind: 'attached', record: { key } });
    expect(server.posts).toBe(1);
    const retries = await Promise.all([3, 4].map((pid) => process(pid).submit(row('a', { after: key }))));
    expect(retries.map(({ kind }) => kind).sort()).toEqual(['attached', 'submitted']);
    expect(server.posts).toBe(2);
    await endJob(machine, 'a', 'failed');
    expect(await process(5).submit(row('a', { after: key }))).toMatchObject({ kind: 'attached' });
    expect(server.posts).toBe(2);
  });

  it('may be tried again when another process was refused it', async () => {
    let isRefusing = true;
    const { process } = await setUp({ create: () => (isRefusing ? { status: 429, body: 'slow down' } : null) });
    const outcomes = await Promise.allSettled([1, 2].map((pid) => process(pid).submit(row('a'))));
    const isRetryable = outcomes.map((outcome) => outcome.status === 'rejected' && outcome.reason.retryable);
    expect(isRetryable).toEqual([true, true]);
    isRefusing = false;
    expect(await process(2).submit(row('a'))).toMatchObject({ kind: 'submitted' });
  });

  it('may be sent anew once the list of the server proves that it never arrived', async () => {
    const machine = await setUp();
    const { server, process } = machine;
    await process(1).submit(row('a')); // what makes the list believable
    await leaveIntent(machine, 4, lostRequest, row('b').row);
    const order = { ...row('b'), request: lostRequest };
    await expect(process(2).submit(order)).rejects.toMatchObject({ code: 'connection_failed', retryable: true });
    expect(await process(3).submit(order)).toMatchObject({ kind: 'submitted' });
    expect(server.posts).toBe(2);
  });

  it.each<[string, ScriptedReply, string]>([
    ['a broken connection', 'drop', 'connection_failed'],
    ['a fault of the server', { status: 500, body: 'oh' }, 'connection_failed'],
    ['a busy server', { status: 503, body: 'later' }, 'connection_failed'],
    ['a time-out, after which it may still arrive', 'hang', 'outcome_unknown'],
    ['a gateway that gave up waiting', { status: 504, body: 'late' }, 'outcome_unknown'],
    ['a server that gave up waiting', { status: 408, body: 'late' }, 'outcome_unknown'],
    ['a server that has it already', { status: 409, body: 'twice' }, 'outcome_unknown'],
    ['a yes that cannot be read', { body: '<html>' }, 'outcome_unknown'],
  ])('ends, where it is not in the list after %s, with the right doubt', async (_, reply, code) => {
    const { process, server } = await setUp({ create: (__, { body }) => (body.includes('lost') ? reply : null) });
    await process(1).submit(row('a'));
    const order = { ...row('b'), request: lostRequest };
    await expect(process(2).submit(order)).rejects.toMatchObject({ code });
    const again = process(3).submit(order);
    await expect(again).rejects.toMatchObject({ code });
    expect(server.posts).toBe(code === 'outcome_unknown' ? 2 : 3);
  });

  it('is paid once when the process that lost its answer and another one look for it at once', async () => {
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

  it('stays in doubt where the list proves nothing', async () => {
    const machine = await setUp();
    await leaveIntent(machine, 4, createVideoRequest(), row('b').row);
    await expect(machine.process(2).submit(row('b'))).rejects.toMatchObject({ code: 'outcome_unknown' });
    await expect(machine.process(3).submit(row('b'))).rejects.toMatchObject({ code: 'outcome_unknown' });
    expect(machine.server.posts).toBe(0);
  });

  it('that stays in doubt is given up and sent anew, once, by those who are told to', async () => {
    const machine = await setUp();
    const { process, server } = machine;
    await leaveIntent(machine, 4, lostRequest, row('b').row);
    const order = { ...row('b', { givesUp: 'sub_left' }), request: lostRequest };
    const givenUp = await Promise.allSettled([1, 2].map((pid) => process(pid).submit(order)));
    expect(givenUp.map((outcome) => outcome.status === 'rejected' && outcome.reason.retryable)).toEqual([true, true]);
    const submissions = await Promise.all([1, 2].map((pid) => process(pid).submit(order)));
    expect(submissions.map(({ kind }) => kind).sort()).toEqual(['attached', 'submitted']);
    expect(await process(3).submit({ ...row('b'), request: lostRequest })).toMatchObject({ kind: 'attached' });
    expect(server.posts).toBe(1);
    const costs = Array.from(process(3).ledger.all(), spentMicros).filter((micros) => micros !== 0);
    expect(costs).toEqual([PRICE.micros, PRICE.micros]);
  });
});
