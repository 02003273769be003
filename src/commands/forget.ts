import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { forEach } from '../domain/outcomes.ts';
import { forget, submissionOf } from '../jobs/resolve.ts';
import { fateOf } from '../platform/process-identity.ts';

export const forgetCommand = defineCommand({
  name: 'forget',
  description:
    'Abandons submissions with unknown outcome, so that the same request can be submitted again. The server may still have created the videos, so their price counts as spent.',
  arguments: [{ form: '<submission...>', summary: 'submissions, such as sub_…' }],
  json: '{"forgotten":["sub_…"]}',
  errors: ['usage', 'outcome_unknown'],
  examples: [
    ['sora forget sub_0mh3', 'the video does not exist; allow the same request again'],
    ['sora forget sub_0mh3 sub_0mh7', 'two of them'],
  ],

  async run({ args }, { ledger, host }: Pick<Context, 'ledger' | 'host'>) {
    const deps = { ledger, clock: host.clock, self: host.self, fateOf };
    const { values: forgotten, errors } = await forEach(args, async (key) => {
      const submission = await submissionOf(ledger, key);
      await forget(deps, submission);
      return submission.key;
    });
    const answer = { data: { forgotten }, view: () => forgotten.map((key) => `${key}\n`).join('') };
    return { ...(forgotten.length > 0 ? { answer } : {}), errors };
  },
});
