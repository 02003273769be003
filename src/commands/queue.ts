import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { option } from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import { cleanLine } from '../output/clean-text.ts';
import type { Surface } from '../output/surface.ts';
import { type Fact, renderFacts, renderTable } from '../output/table.ts';
import type { EndedTask, JobQueue } from '../store/job-queue.ts';
import { objectOf } from '../wire/fields.ts';

const FACTS = ['server', 'waiting', 'delayed', 'blocked', 'running', 'failed', 'done/min', 'oldest', 'workers'];

export const queueCommand = defineCommand({
  name: 'queue',
  description:
    'Shows the shared queue of each server: waiting, delayed, blocked (waiting for another row), running and failed rows, how many were done in the last minute, how long the oldest row has waited, and the workers.',
  json: '{"queues":[{"server","waiting","delayed","blocked","running","failed","done_last_minute","oldest_ms","workers":[{"name","running","concurrency"}]}]}',
  errors: ['usage', 'ledger_unreachable'],
  examples: [
    ['sora queue', 'depth, rate and workers'],
    ['sora queue --json', 'the same for a monitor'],
  ],

  async run(_input, { jobQueues, output }: Pick<Context, 'jobQueues' | 'output'>) {
    const states = await Promise.all((await jobQueues()).map((queue) => queue.state()));
    if (states.length === 0) output.note('nothing was queued yet; run `sora batch FILE --queue`');
    const queues = states.map(({ doneLastMinute, oldestMs, ...state }) => ({
      ...state,
      done_last_minute: doneLastMinute,
      oldest_ms: oldestMs,
    }));
    const rows = states.map((state) => [
      state.server,
      ...[state.waiting, state.delayed, state.blocked].map(String),
      ...[state.running, state.failed, state.doneLastMinute].map(String),
      state.oldestMs === null ? '' : `${Math.round(state.oldestMs / 1000)}s`,
      state.workers.map(({ name, running, concurrency }) => `${name} ${running}/${concurrency}`).join(', '),
    ]);
    // A row is too wide for most terminals.
    const blocks = rows.map((row) => FACTS.map((name, at): Fact => [name, cleanLine(row[at] ?? '')]));
    const view = async (surface: Surface): Promise<string> =>
      surface.isTerminal
        ? blocks.map((facts) => renderFacts(facts, surface.palette)).join('\n')
        : renderTable({ head: [], rows }, surface);
    return { answer: { data: { queues }, view } };
  },
});

interface FailedRow {
  readonly queue: JobQueue;
  readonly task: EndedTask;
  /** The start of the task's id. */
  readonly id: string;
  readonly batch: string;
  readonly line: number | null;
  readonly outcome: string;
  readonly error: string;
}

const SHOWN_ID = 8;

export const queueFailedCommand = defineCommand({
  name: 'queue failed',
  description:
    'Lists rows of the shared queue that need your decision, newest first: they failed permanently, or their outcome is unknown.',
  json: '{"failed":[{"id","manifest","line","outcome","error"}]}',
  errors: ['usage', 'ledger_unreachable'],
  examples: [
    ['sora queue failed', 'what failed, and why'],
    ['sora queue failed --json', 'the same for a script'],
  ],

  async run(_input, { jobQueues, output }: Pick<Context, 'jobQueues' | 'output'>) {
    const rows = await failedRows(await jobQueues());
    if (rows.length === 0) output.note('there are no failed rows');
    const failed = rows.map(({ id, batch, line, outcome, error }) => ({ id, manifest: batch, line, outcome, error }));
    const cells = rows.map(({ id, batch, line, outcome, error }) => [id, outcome, batch, String(line ?? ''), error]);
    const head = ['ID', 'OUTCOME', 'MANIFEST', 'LINE', 'ERROR'];
    const view = { head, rows: cells, flexible: 'ERROR', optional: ['MANIFEST', 'LINE'] };
    return { answer: { data: { failed }, view } };
  },
});

export const queueRetryCommand = defineCommand({
  name: 'queue retry',
  description:
    'Puts failed rows of the shared queue back into it. If the outcome of a row is unknown, its job is searched for again, not paid for again.',
  arguments: [{ form: '[id...]', summary: 'ids that `sora queue failed` shows' }],
  options: { all: option('--all', 'all failed rows') },
  json: '{"retried":["id"]}',
  errors: ['usage', 'ledger_unreachable'],
  examples: [
    ['sora queue retry 3f2a91bc', 'one row'],
    ['sora queue retry --all', 'all of them, after the cause is fixed'],
  ],

  async run({ args, options }, { jobQueues }: Pick<Context, 'jobQueues'>) {
    if (args.length === 0 && !options.all) throw new SoraError('usage', { title: 'name an id, or use `--all`' });
    const rows = await failedRows(await jobQueues());
    const named = args.map((id) => rows.filter(({ task }) => task.id.startsWith(id)));
    const faults = args.flatMap((id, at) => namingFault(id, named[at]?.length ?? 0) ?? []);
    if (faults.length > 0)
      throw new SoraError('usage', { violations: faults, hints: ['run `sora queue failed` to see the failed rows'] });
    const chosen = options.all ? rows : [...new Set(named.flat())];
    for (const queue of new Set(chosen.map((row) => row.queue))) {
      await queue.revive(chosen.filter((row) => row.queue === queue).map(({ task }) => task));
    }
    const retried = chosen.map(({ id }) => id);
    return { answer: { data: { retried }, view: () => retried.map((id) => `${id}\n`).join('') } };
  },
});

/** A row that is retried may cost money, so each id names one. */
function namingFault(id: string, count: number): string | null {
  if (count === 0) return `no failed row is named \`${id}\``;
  return count > 1 ? `\`${id}\` is the beginning of ${count} failed rows` : null;
}

async function failedRows(queues: readonly JobQueue[]): Promise<FailedRow[]> {
  const lists = queues.map(async (queue) => (await queue.failed()).map((task) => describe(queue, task)));
  return (await Promise.all(lists)).flat();
}

function describe(queue: JobQueue, task: EndedTask): FailedRow {
  const { row } = objectOf(task.payload);
  const { ref, line } = objectOf(row);
  const { outcome, error } = objectOf(task.result);
  const { message, caused_by: causedBy } = objectOf(error);
  return {
    queue,
    task,
    id: task.id.slice(0, SHOWN_ID),
    batch: String(objectOf(ref).batch ?? ''),
    line: typeof line === 'number' ? line : null,
    outcome: String(outcome ?? ''),
    error: [message, causedBy].filter((words) => typeof words === 'string').join(': '),
  };
}
