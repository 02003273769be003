import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';

const HEAD = ['SERVER', 'WAITING', 'DELAYED', 'BLOCKED', 'RUNNING', 'FAILED', 'DONE/MIN', 'OLDEST', 'WORKERS'];

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
    return { answer: { data: { queues }, view: { head: HEAD, rows } } };
  },
});
