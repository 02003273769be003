import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { option } from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import { countOf } from '../domain/wording.ts';
import { ledgerFault } from '../store/setting-specs.ts';

type CopyDeps = Pick<Context, 'fileLedger' | 'postgresLedger' | 'host' | 'output'>;

export const ledgerCopyCommand = defineCommand({
  name: 'ledger copy',
  description:
    'Copies the ledger of this machine into a PostgreSQL database, and creates its tables. Run it again to add newer records; nothing is added twice. The file is not changed. A damaged ledger is refused.',
  options: { to: option('--to <url>', 'the database, such as postgres://user@host/database') },
  json: '{"to","submissions","unfinished"}',
  errors: ['ledger_damaged', 'ledger_unreachable'],
  examples: [
    ['sora ledger copy --to postgres://sora@db.example/sora', 'before `sora config set ledger` with the same URL'],
    ['sora ledger copy --to "postgres:///?service=sora"', 'a service of ~/.pg_service.conf'],
  ],

  async run({ options: { to = '' } }, deps: CopyDeps) {
    const { output, host } = deps;
    const fault = ledgerFault(to);
    if (fault !== null) throw new SoraError('usage', { title: `\`--to\`: ${fault}` });
    const [from, target] = [deps.fileLedger(), deps.postgresLedger(to)];
    const keys = new Set<string>();
    for await (const events of from.events()) {
      host.interrupt.throwIfAborted();
      await target.append(...events);
      for (const { key } of events) keys.add(key);
    }
    const unfinished = (await from.open()).length;
    if (unfinished > 0) {
      output.note(
        `${countOf(unfinished, 'unfinished job')}; run the command again when no process uses the file any more`,
      );
    }
    const data = { to: target.name, submissions: keys.size, unfinished };
    return { answer: { data, view: () => `${countOf(keys.size, 'submission')} of this machine in ${target.name}\n` } };
  },
});
