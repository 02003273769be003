import type { CheckOutcome } from '../../domain/check.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import { type Check, check, failure, pass, skip, warn } from './check.ts';
import type { Trial, Trials } from './trial.ts';

/** Sends the create of the access-check curl: the only proof that videos can be created. */
export function accessCheck(needs: readonly string[], prepare: () => Trials): Check {
  // It needs all others: their results are shown before the prompt.
  return check('access', 'access check', needs, async () => {
    const trials = prepare();
    switch (await trials.consent(1, 'Send the access check?')) {
      case 'refused':
        return skip(`not sent: its price (${trials.price(1)}) was not approved`);
      case 'no-terminal':
        return skip(`not sent: it creates 1 job (price: ${trials.price(1)})`, 'add `--yes` to send it');
      case 'agreed': {
        const trial = await trialOf(trials);
        if (trial.failure !== null) return failedJob(trial.failure, trial);
        if (trial.remedy !== null) return warn(trial.detail, trial.remedy);
        return trial.isFound
          ? warn(trial.detail, 'check the network, and the server’s log for this call')
          : pass(trial.detail);
      }
    }
  });
}

async function trialOf(trials: Trials): Promise<Trial> {
  const trial = await trials.run(null).catch(soraErrorOf);
  if (!(trial instanceof SoraError)) return trial;
  // Running this check again has the same effect.
  throw trial.with({ hints: trial.hints.filter((hint) => !hint.includes('--again')) });
}

/** Access works, but the server accepted the job and ended it immediately without a video. */
function failedJob(cause: SoraError, { detail, remedy }: Trial): CheckOutcome {
  const outcome = failure(cause);
  const hints = [...(remedy === null ? [] : [remedy]), ...cause.hints];
  return { ...outcome, detail: `${detail}; ${outcome.detail}`, remedy: hints };
}
