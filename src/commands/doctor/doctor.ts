import { type CommandResult, defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { option } from '../../app/option-values.ts';
import { createCurl, describeCost } from '../../app/request-preview.ts';
import type { Configuration } from '../../configuration/configuration.ts';
import { requireKey } from '../../configuration/endpoint.ts';
import { CAPABILITY_NAMES, type Capability } from '../../domain/capabilities.ts';
import { errorEntry } from '../../domain/catalogue.ts';
import type { CheckResult } from '../../domain/check.ts';
import { DIALECTS } from '../../domain/dialect.ts';
import { SoraError } from '../../domain/errors.ts';
import { type Preset, presetOfOwner } from '../../domain/presets.ts';
import { type RequestFormat, settingsOfFormat } from '../../domain/request-format.ts';
import { costJson } from '../../output/cost-view.ts';
import { type AccessCommand, renderAccessCommand, renderChecks } from '../../output/doctor-view.ts';
import type { Surface } from '../../output/surface.ts';
import { accessCheck } from './access-check.ts';
import { API_CHECKS } from './api-checks.ts';
import { type CheckDeps, runChecks } from './check.ts';
import { type ExaminedServer, examineServer } from './examined-server.ts';
import { type Ability, type FormatSurvey, surveyFormat } from './format-survey.ts';
import { surveyJobs, surveyNoJobs } from './job-survey.ts';
import { listedModels, listedOwner, namesOf } from './listed-models.ts';
import { LOCAL_CHECKS } from './local-checks.ts';
import { NETWORK_CHECKS } from './network-checks.ts';
import { type OfferDeps, offerProfile } from './profile-offer.ts';
import { surveyServer } from './server-survey.ts';
import { smallestRequest, type TrialDeps, Trials, trialEstimate } from './trial.ts';

type DoctorDeps = CheckDeps & TrialDeps & OfferDeps & Pick<Context, 'options'>;

const EXIT_CODES: ReadonlySet<number> = new Set([4, 7]);

export const doctorCommand = defineCommand({
  name: 'doctor',
  description:
    'Checks access end to end and suggests fixes. The free checks always run. The access check creates the smallest possible job and deletes it at once, so it needs confirmation on a terminal, or --yes. Exits with 4 for key or access problems, 7 for quota or billing, 1 for anything else, and 0 if there are only warnings.\n\nColumns in a pipe: result, check, detail, milliseconds, fixes.',
  options: {
    yes: option('-y, --yes', 'create the job of the access check, or the two jobs of --server; caps still apply'),
    server: option('--server', 'find out what the server can do, and offer to save it in the profile'),
    curl: option('--curl', 'print the access check as a curl command, nothing else'),
  },
  json: '{"ok","profile","checks":[{"id","title","status":"pass|warn|fail|skip","detail","remedy":["…"],"ms"}],"curl","cost"}; with --curl: {"curl"}; with --server: {"profile","base_url","dialect","list","delete","cancel","content","thumbnail","spritesheet","range","json","multipart","remix","edit","extend"}, each yes, no or unknown',
  errors: [
    'no_api_key',
    'invalid_api_key',
    'model_not_found',
    'insufficient_quota',
    'endpoint_not_found',
    'service_retired',
  ],
  examples: [
    ['sora doctor', 'find out why something does not work'],
    ['sora doctor --json --yes --profile lab', 'a smoke test in CI that creates a real job'],
  ],

  async run({ options }, deps: DoctorDeps) {
    if (options.curl && options.server) throw new SoraError('usage', { title: 'use `--curl` or `--server`, not both' });
    if (options.curl) {
      const curl = createCurl(smallestRequest(deps.configuration), deps.configuration);
      return { answer: { data: { curl }, view: () => `${curl}\n` } };
    }
    return (options.server ? survey : examine)(deps, options.yes ?? false);
  },
});

/** Runs all checks. On a terminal, the results of the free ones are shown before the question. */
async function examine(deps: DoctorDeps, isAgreed: boolean): Promise<CommandResult> {
  const { host, output } = deps;
  const progress = await output.progress(host.clock);
  const ended: CheckResult[] = [];
  let shown: readonly CheckResult[] = [];
  const beforeAsking = async (): Promise<void> => {
    await progress.stop();
    if (output.stdout.isTTY !== true) return;
    shown = free.flatMap(({ id }) => ended.find((result) => result.id === id) ?? []);
    await output.answer({ data: {}, view: (surface) => view(shown, accessCommand(deps), surface) });
  };
  const free = [...LOCAL_CHECKS, ...NETWORK_CHECKS, ...API_CHECKS];
  // With broken settings there is no server, and the check that needs one is skipped.
  const trials = (): Trials => new Trials(deps, deps.configuration, { isAgreed, beforeAsking });
  const access = accessCheck(
    free.map(({ id }) => id),
    trials,
  );
  const checks = [...free, access];
  await progress.show(() => `checking: ${checks.find(({ id }) => !ended.some((result) => result.id === id))?.title}`);
  try {
    let server: ExaminedServer | undefined;
    const subject = { deps, server: () => (server ??= examineServer(deps.configuration, deps)) };
    const results = await runChecks(checks, subject, (result) => ended.push(result));
    return report(results, shown, deps);
  } finally {
    await progress.stop();
  }
}

function view(checks: readonly CheckResult[], access: AccessCommand | null, surface: Surface): string {
  return `${renderChecks(checks, surface)}${access === null ? '' : renderAccessCommand(access, surface)}`;
}

/** Finds out what the server can do, and offers to save what belongs in the settings. */
async function survey(deps: DoctorDeps, isAgreed: boolean): Promise<CommandResult> {
  const { configuration, host, output } = deps;
  requireKey(configuration, host.clock.now());
  const server = examineServer(configuration, deps);
  const seen = await surveyServer(server, host.clock.now());
  // Test jobs use the detected dialect.
  const chosen = seen.dialect === 'unknown' ? configuration.dialect : { value: seen.dialect, origin: 'doctor' };
  const kind = await recognize(server, deps);
  const missing = new Set([...configuration.missing, ...(kind?.missing ?? [])]);
  const tried = { ...configuration, dialect: chosen, missing };
  const listed = configuration.model === null && !configuration.servesOpenAiModels ? await listedModels(server) : [];
  const onlyModel = listed.length === 1 ? listed[0] : undefined;
  const hasForms = chosen.value === 'videos';
  const format = hasForms && !configuration.isSimulator ? await surveyFormat(server) : null;
  const jobs = seen.isMock ? surveyNoJobs(hasForms) : await surveyJobs(new Trials(deps, tried, { isAgreed }), hasForms);
  const proposal = listed.length > 1 ? [`no model is set; the server lists ${namesOf(listed)}`] : [];
  for (const note of [...seen.notes, ...proposal, ...(format?.notes ?? []), ...jobs.notes]) output.note(note);
  const { list, delete: removal, remix, edit, extend, ...files } = seen.abilities;
  // A video that the simulator deletes is no longer rendered.
  const cancel = configuration.isSimulator && jobs.abilities.cancel === 'unknown' ? 'yes' : jobs.abilities.cancel;
  // A job that was created shows more than a refusal.
  const sure = (ofJobs: Ability, ofRefusals: Ability = 'unknown'): Ability =>
    ofJobs === 'unknown' ? ofRefusals : ofJobs;
  const json = sure(jobs.abilities.json, format?.json);
  const multipart = sure(jobs.abilities.multipart, format?.multipart);
  const takesJobs = json === 'yes' || multipart === 'yes';
  const spoken = takesJobs ? chosen.value : seen.dialect;
  const dialect = spoken === 'unknown' ? spoken : DIALECTS[spoken].name;
  const abilities = { list, delete: removal, cancel, ...files, json, multipart, remix, edit, extend };
  const found = {
    ...(kind === undefined ? {} : { preset: kind.name }),
    ...(dialect === DIALECTS[configuration.dialect.value].name ? {} : { dialect }),
    ...(seen.dialect === 'new-api' && configuration.dialect.value !== 'new-api' ? { shape: 'new-api' } : {}),
    ...(onlyModel === undefined ? {} : { model: onlyModel }),
    ...settingsOfFormat(formatFound({ json, multipart }, format?.facts ?? {}, configuration)),
    ...(hasForms ? capabilitiesFound(abilities, configuration.missing) : {}),
  };
  if (dialect !== 'unknown') await offerProfile(found, deps);
  return {
    answer: {
      data: { profile: configuration.profile.value, base_url: configuration.baseUrl.value, dialect, ...abilities },
      view: { head: ['WHAT', 'ABLE'], rows: [['dialect', dialect], ...Object.entries(abilities)], flexible: 'ABLE' },
    },
  };
}

/** The preset for the server, as it identifies itself, unless the profile has one. */
async function recognize(server: ExaminedServer, { configuration, settings }: DoctorDeps): Promise<Preset | undefined> {
  const isKnown = settings.get(`profiles.${configuration.profile.value}.preset`) !== undefined;
  return isKnown || configuration.isSimulator ? undefined : presetOfOwner(await listedOwner(server));
}

/** The facts that the profile needs; the others are the defaults. */
function formatFound(
  { json, multipart }: Readonly<Record<'json' | 'multipart', Ability>>,
  { seconds, image }: FormatSurvey['facts'],
  { format }: Configuration,
): Partial<RequestFormat> {
  return {
    ...(json === 'yes' && multipart === 'no' ? { body: 'json' } : {}),
    ...(json === 'no' && multipart === 'yes' ? { body: 'multipart' } : {}),
    ...(seconds === 'number' && format.seconds !== 'number' ? { seconds } : {}),
    ...(image === 'text' && format.image !== 'text' ? { image } : {}),
  };
}

/** Capabilities that differ from the profile. */
function capabilitiesFound(
  abilities: Readonly<Record<string, Ability>>,
  missing: ReadonlySet<Capability>,
): Readonly<Record<string, Ability>> {
  const news = CAPABILITY_NAMES.filter((name) => abilities[name] === (missing.has(name) ? 'yes' : 'no'));
  return Object.fromEntries(news.map((name) => [`capabilities.${name}`, abilities[name] as Ability]));
}

/** Leaves out checks that were already shown. */
function report(checks: readonly CheckResult[], shown: readonly CheckResult[], deps: DoctorDeps): CommandResult {
  const access = accessCommand(deps);
  const failed = checks.find(({ status }) => status === 'fail');
  const { fault } = deps.options;
  if (fault !== undefined && checks.every(({ status }) => status === 'pass' || status === 'skip'))
    deps.output.note(
      `no check triggers the fault \`${fault}\`: run \`sora create 'a boat' --simulate --fault ${fault}\` to see it on a running job`,
    );
  const news = checks.filter(({ id }) => !shown.some((result) => result.id === id));
  const data = {
    ok: failed === undefined,
    profile: access?.profile ?? null,
    checks: checks.map(({ id, title, status, detail, remedy = [], ms }) => ({ id, title, status, detail, remedy, ms })),
    curl: access?.curl ?? null,
    cost: access?.cost ?? null,
  };
  return {
    answer: { data, view: (surface) => view(news, shown.length === 0 ? access : null, surface) },
    exitCode: failed === undefined ? 0 : exitCodeOf(failed),
  };
}

/** Null if no server can be determined. */
function accessCommand(deps: DoctorDeps) {
  try {
    const { configuration, host } = deps;
    const single = trialEstimate(configuration, host.clock.now());
    return {
      profile: configuration.profile.value,
      curl: createCurl(smallestRequest(configuration), configuration),
      price: describeCost(configuration.isSimulator ? 0 : (single?.micros ?? null), false),
      cost: costJson(single?.micros ?? null, single?.priceList ?? null),
    };
  } catch (error) {
    if (error instanceof SoraError) return null;
    throw error;
  }
}

function exitCodeOf({ code }: CheckResult): number {
  const { exitCode } = errorEntry(code ?? 'unexpected');
  return EXIT_CODES.has(exitCode) ? exitCode : 1;
}
