import { refusesEncoding } from '../../client/failure.ts';
import { SoraError, soraErrorOf } from '../../domain/errors.ts';
import type { Ability } from './format-survey.ts';
import type { Trial, TrialBody, Trials } from './trial.ts';

/** What short-lived jobs show about a server. */
export interface JobSurvey {
  readonly abilities: Readonly<Record<'cancel' | 'json' | 'multipart', Ability>>;
  /** The outcome of the jobs, and how to find out what is unknown. */
  readonly notes: readonly string[];
}

/** Statuses that refuse the request itself: its encoding or its content. */
const REFUSED: ReadonlySet<number | null> = new Set([400, 415, 422]);

/**
 * Sends the smallest create as JSON and, if the dialect has forms, as a form, once the price is approved. Ends the jobs.
 */
export async function surveyJobs(trials: Trials, hasForms: boolean): Promise<JobSurvey> {
  const jobs = hasForms && trials.stopsJobs ? 2 : 1;
  const waits = trials.stopsJobs ? '' : ' The server cannot stop a job, so this one runs to its end.';
  const consent = await trials.consent(jobs, `Test the server with real jobs?${waits}`);
  if (consent !== 'agreed') {
    const what = hasForms ? 'cancel, json and multipart' : 'cancel and json';
    const how = jobs === 2 ? 'jobs (price: ' : 'job (price: ';
    const add = jobs === 2 ? 'create them' : 'create it';
    return {
      abilities: unknownAbilities(hasForms),
      notes: [`${what}: unknown without creating ${jobs} ${how}${trials.price(jobs)}); add \`--yes\` to ${add}`],
    };
  }
  const attempt = (body: TrialBody): Promise<Attempt> => trials.run(body, { outlasts: true }).catch(soraErrorOf);
  const json = await attempt('json');
  // A refusal for other reasons would be the same in the other encoding, and a second job could not be stopped either.
  const isEnough = json instanceof SoraError ? !REFUSED.has(json.status) : json.cannotBeStopped;
  const multipart = isEnough || !hasForms ? null : await attempt('multipart');
  const attempts = multipart === null ? [json] : [json, multipart];
  return {
    abilities: {
      ...unknownAbilities(hasForms),
      cancel: cancelAbility(attempts),
      json: encodingAbility(json, multipart ?? json),
      ...(multipart && { multipart: encodingAbility(multipart, json) }),
    },
    notes: attempts.flatMap(describeAttempt),
  };
}

function unknownAbilities(hasForms: boolean): JobSurvey['abilities'] {
  return { cancel: 'unknown', json: 'unknown', multipart: hasForms ? 'unknown' : 'no' };
}

/** For a mock server, whose jobs prove nothing and may never end. */
export function surveyNoJobs(hasForms: boolean): JobSurvey {
  return { abilities: unknownAbilities(hasForms), notes: [] };
}

type Attempt = Trial | SoraError;

/** A refusal is about the encoding if it says so, or if the same create is accepted in the other encoding. */
function encodingAbility(own: Attempt, other: Attempt): Ability {
  if (!(own instanceof SoraError)) return 'yes';
  if (!REFUSED.has(own.status)) return 'unknown';
  const isRefused = refusesEncoding({ status: own.status ?? 0, body: own.causedBy ?? '' });
  return isRefused || !(other instanceof SoraError) ? 'no' : 'unknown';
}

/** Once a job is gone, it is unknown whether the server stopped rendering it. */
function cancelAbility(attempts: readonly Attempt[]): Ability {
  const trials = attempts.flatMap((tried) => (tried instanceof SoraError ? [] : [tried]));
  if (trials.some(({ end }) => end === 'aborted')) return 'yes';
  return trials.some(({ cannotBeStopped }) => cannotBeStopped) ? 'no' : 'unknown';
}

function describeAttempt(tried: Attempt): string[] {
  if (!(tried instanceof SoraError)) return [[tried.detail, tried.remedy].filter((part) => part !== null).join('; ')];
  const [hint] = tried.code === 'outcome_unknown' ? tried.hints : [];
  return [[`a job was not created: ${tried.message}`, tried.causedBy, hint].filter(Boolean).join('; ')];
}
