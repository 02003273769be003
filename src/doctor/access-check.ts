import { type Check, pass, skip, warn } from './check.ts';
import type { Subject } from './subject.ts';
import { type TrialDeps, tryJob } from './trial-job.ts';

/** The create of the access-check curl, sent for real: the only proof that videos can be made. */
export function accessCheck(prepare: () => TrialDeps): Check<Subject> {
  return {
    id: 'access',
    title: 'access check (a create)',
    needs: ['settings', 'state', 'key', 'base_url', 'dns', 'tcp', 'tls', 'authentication', 'model', 'videos'],
    async run() {
      const deps = prepare();
      switch (await deps.consent(1, 'Send the access check?')) {
        case 'refused':
          return skip(`not sent: its price (${deps.price(1)}) was not agreed to`);
        case 'nobody-to-ask':
          return skip(`not sent: it makes a job, whose price is ${deps.price(1)}`, 'add `--yes` to send it');
        case 'agreed': {
          const { detail, remedy } = await tryJob(deps, deps.encoding);
          return remedy === null ? pass(detail) : warn(detail, remedy);
        }
      }
    },
  };
}
