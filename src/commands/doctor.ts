import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { createSubject } from '../app/doctor-subject.ts';
import { requireKey } from '../app/endpoint.ts';
import { offerProfile } from '../app/offer-profile.ts';
import { createCurl } from '../app/preview-request.ts';
import { createTrialDeps, smallestRequest } from '../app/trial-deps.ts';
import { accessCheck } from '../doctor/access-check.ts';
import { API_CHECKS } from '../doctor/api-checks.ts';
import { runChecks } from '../doctor/check.ts';
import { type JobSurvey, surveyJobs } from '../doctor/job-survey.ts';
import { LOCAL_CHECKS } from '../doctor/local-checks.ts';
import { NETWORK_CHECKS } from '../doctor/network-checks.ts';
import { surveyServer } from '../doctor/server-survey.ts';
import { CATALOGUE } from '../domain/catalogue.ts';
import type { CheckResult } from '../domain/check.ts';
import { SoraError } from '../domain/errors.ts';
import { renderChecks } from '../output/doctor-view.ts';
import { renderTable } from '../output/table.ts';

const EXIT_CODES: ReadonlySet<number> = new Set([4, 7]);

export const doctor = defineCommand({
  name: 'doctor',
  description:
    'Checks access end to end and says what to do about what it finds. The free checks always run; the access check makes the smallest job, so it is sent only when a terminal confirms or --yes is given, and its job is removed at once. Ends with 4 for the key or access, 7 for quota or billing, 1 for anything else, 0 with warnings only.',
  arguments: [],
  options: {
    yes: { flags: '-y, --yes', summary: 'make the job of the access check, or the two of --server; caps are kept' },
    server: {
      flags: '--server',
      summary: 'tell what the server can do, and offer to keep what it needs in the profile',
    },
    curl: { flags: '--curl', summary: 'print only the access check as a curl command' },
  },
  json: '{"ok","profile","checks":[{"id","title","status":"pass|warn|fail|skip","detail","remedy":["…"],"ms"}],"curl"}; with --curl: {"curl"}; with --server: {"profile","base_url","dialect","list","delete","cancel","content","thumbnail","spritesheet","range","json","multipart"}, each yes, no or unknown',
  errors: [
    'no_api_key',
    'invalid_api_key',
    'model_not_found',
    'insufficient_quota',
    'endpoint_not_found',
    'service_retired',
  ],
  examples: [
    ['sora doctor', 'why does it not work?'],
    ['sora doctor --json --yes --profile lab', 'a smoke check in CI that really makes a job'],
  ],

  async run({ options }, context) {
    if (options.curl && options.server)
      throw new SoraError('usage', { title: 'give `--curl` or `--server`, not both', facts: { command: 'doctor' } });
    if (options.curl) {
      const curl = createCurl(smallestRequest(context.configuration), context.configuration, null);
      return { answer: { data: { curl }, view: () => `${curl}\n` } };
    }
    const isAgreed = options.yes ?? false;
    if (options.server) return survey(context, isAgreed);
    // With broken settings there is no server to speak of, and the check that would need it is never run.
    const access = accessCheck(() => createTrialDeps(context, isAgreed));
    const checks = [...LOCAL_CHECKS, ...NETWORK_CHECKS, ...API_CHECKS, access];
    return report(await runChecks(checks, createSubject(context), context.host.clock), context);
  },
});

/** What the server can do; what of it has a place in the settings is offered to be kept there. */
async function survey(context: Context, isAgreed: boolean): Promise<CommandResult> {
  const { configuration, host, output } = context;
  requireKey(configuration);
  const seen = await surveyServer(createSubject(context).server(), host.clock.now());
  const jobs = await surveyJobs(createTrialDeps(context, isAgreed));
  for (const note of [...seen.notes, ...jobs.notes]) output.note(note);
  const { list, delete: removal, content, thumbnail, spritesheet, range } = seen.abilities;
  const { cancel, json, multipart } = jobs.abilities;
  const takesJobs = json === 'yes' || multipart === 'yes';
  const dialect = seen.dialect === 'unknown' && takesJobs ? 'videos' : seen.dialect;
  const abilities = { list, delete: removal, cancel, content, thumbnail, spritesheet, range, json, multipart };
  const dialectFound = dialect === configuration.dialect.value ? {} : { dialect };
  if (dialect !== 'unknown') await offerProfile({ ...dialectFound, ...encodingFound(jobs) }, context);
  return {
    answer: {
      data: { profile: configuration.profile.value, base_url: configuration.baseUrl.value, dialect, ...abilities },
      view: (surface) =>
        renderTable(
          { head: ['WHAT', 'ABLE'], rows: [['dialect', dialect], ...Object.entries(abilities)], flexible: 1 },
          surface,
        ),
    },
  };
}

/** A server that takes both encodings needs no setting. */
function encodingFound({ abilities: { json, multipart } }: JobSurvey): Readonly<Record<string, string>> {
  if (json === 'yes' && multipart === 'no') return { encoding: 'json' };
  return json === 'no' && multipart === 'yes' ? { encoding: 'multipart' } : {};
}

function report(checks: readonly CheckResult[], context: Context): CommandResult {
  const { profile, curl } = chosenServer(context);
  const failed = checks.find(({ status }) => status === 'fail');
  const shown = checks.map(({ id, title, status, detail, remedy = [], ms }) => ({
    id,
    title,
    status,
    detail,
    remedy,
    ms,
  }));
  return {
    answer: {
      data: { ok: failed === undefined, profile, checks: shown, curl },
      view: (surface) => renderChecks(checks, curl, surface),
    },
    exitCode: failed === undefined ? 0 : exitCodeOf(failed),
  };
}

function chosenServer(context: Context): { profile: string | null; curl: string | null } {
  try {
    const { configuration } = context;
    return {
      profile: configuration.profile.value,
      curl: createCurl(smallestRequest(configuration), configuration, null),
    };
  } catch (error) {
    if (error instanceof SoraError) return { profile: null, curl: null };
    throw error;
  }
}

function exitCodeOf({ code }: CheckResult): number {
  const { exitCode } = CATALOGUE[code ?? 'unexpected'];
  return EXIT_CODES.has(exitCode) ? exitCode : 1;
}
