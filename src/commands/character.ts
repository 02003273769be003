import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { recordNamed } from '../app/job-names.ts';
import { option, readDeadlineMs, readOr, refuseFaults, TIMEOUT_OPTION } from '../app/option-values.ts';
import type { ReadRequest } from '../app/request-options.ts';
import { describeCost, previewRequest } from '../app/request-preview.ts';
import { agreeToSpend, parseMaxCost } from '../app/spending.ts';
import { readCharacter, type ServedCharacter } from '../client/characters.ts';
import { retryRead } from '../client/retry.ts';
import { capabilitiesOf, requireKey } from '../configuration/endpoint.ts';
import { isoTime } from '../domain/day.ts';
import { SoraError } from '../domain/errors.ts';
import { tallyOf } from '../domain/money.ts';
import { estimate } from '../domain/pricing.ts';
import { isOfCharacter, type JobRecord } from '../domain/record.ts';
import { missingFor } from '../domain/request-gate.ts';
import {
  CHARACTER_PRICE_FACTS,
  characterNameFaults,
  characterRequest,
  findCharacter,
  MAX_NAME_CHARACTERS,
  requireMade,
} from '../jobs/character.ts';
import { readAhead } from '../jobs/input-file.ts';
import { readSourceFile } from '../jobs/input-media.ts';
import { underWay } from '../jobs/objection.ts';
import { submitBefore } from '../jobs/submit.ts';
import { cleanLine } from '../output/clean-text.ts';
import { costJson } from '../output/cost-view.ts';
import { formatAge } from '../output/job-view.ts';
import type { Answer } from '../output/output.ts';
import type { Surface } from '../output/surface.ts';

type CharacterDeps = Pick<
  Context,
  'configuration' | 'host' | 'output' | 'ledger' | 'servers' | 'jobs' | 'isInteractive'
>;

export const characterCreateCommand = defineCommand({
  name: 'character create',
  description:
    'Creates a character from a video of it, for videos made with `--character`. Prints its id. The create is never resent automatically; the same name and video return the character that exists. No price list has a price for it, so servers that may charge need your approval.',
  arguments: [
    { form: '<name>', summary: `what to call it; at most ${MAX_NAME_CHARACTERS} characters` },
    { form: '<file>', summary: 'a video that shows it' },
  ],
  options: {
    again: option('--again', 'create another one even if this name and video have one'),
    dryRun: option('-n, --dry-run', 'show the request and the curl command; send nothing'),
    maxCost: option('--max-cost <usd>', 'refuse if it would cost more, or if the price is unknown'),
    yes: option('-y, --yes', 'approve the price without being asked'),
    timeout: TIMEOUT_OPTION,
  },
  json: '{"id","name","created_at","profile","cost":{"estimated_usd","actual_usd","price_list"},"submission"}; with --dry-run: {"request","operation","source","count","attaches_to":["id"],"curl","cost"}',
  errors: ['invalid_request', 'no_api_key', 'cost_cap_exceeded', 'outcome_unknown', 'job_failed', 'not_supported'],
  examples: [
    ['sora character create Mossy mossy.mp4', 'a character from a clip'],
    ['sora character create Mossy mossy.mp4 --dry-run', 'see what would be sent'],
  ],

  async run({ args: [name = '', file = ''], options }, deps: CharacterDeps) {
    const { configuration, host, output, ledger, servers, jobs } = deps;
    const faults: string[] = [];
    const maxCostMicros = parseMaxCost(options.maxCost, faults);
    const untilMs = readDeadlineMs(options.timeout, deps, faults);
    const read = await readCharacterRequest(name, file, faults, deps);
    const { request } = read;
    const again = options.again ?? false;
    const price = estimate(CHARACTER_PRICE_FACTS, host.clock.now(), configuration.prices);
    const made = again ? undefined : await findCharacter(ledger, request, servers.identityOf(configuration));
    if (options.dryRun) {
      const order = { server: servers.identityOf(configuration), request, again };
      const attached = made ? [made] : await underWay(ledger, order);
      const totalMicros = attached.length > 0 ? 0 : (price?.micros ?? null);
      const preview = { price, totalMicros, count: 1, attached: attached.slice(0, 1) };
      return { answer: previewRequest(read, preview, configuration) };
    }
    if (made !== undefined) {
      output.note('this character exists already; `--again` creates another one');
      return { answer: answerOf(made) };
    }

    requireKey(configuration, host.clock.now());
    const micros = price === null ? null : price.micros;
    const askedAtMs = host.clock.uptimeMs();
    await agreeToSpend({ price: tallyOf(micros), maxCostMicros, isAgreed: options.yes ?? false }, deps);
    const deadlineMs = untilMs + host.clock.uptimeMs() - askedAtMs; // a person may take any time to answer
    output.news(`cost: ${describeCost(micros, configuration.isSimulator)}`);
    const server = await servers.current({ longestCallMs: deadlineMs - host.clock.uptimeMs() });
    const order = { request, estimate: price, again };
    const { record, unrecorded } = await submitBefore(deadlineMs, jobs.submitDeps(server, 'character'), order);
    const created = (await ledger.byKey(record.key)) ?? record;
    requireMade(created);
    return {
      answer: answerOf(created),
      errors: unrecorded === undefined ? [] : [unrecorded],
    };
  },
});

/** The request for a character. Throws `invalid_request` with all problems. */
async function readCharacterRequest(
  name: string,
  file: string,
  faults: readonly string[],
  { configuration, host }: Pick<CharacterDeps, 'configuration' | 'host'>,
): Promise<ReadRequest> {
  const missing = missingFor({ operation: 'character' }, capabilitiesOf(configuration));
  const violations = [...faults, ...missing, ...characterNameFaults(name)];
  const bytes = await readAhead([file], host.cwd, host.interrupt);
  const read = readOr(() => readSourceFile(file, host.cwd, bytes), violations);
  if (violations.length > 0 || read === undefined) {
    throw new SoraError('invalid_request', { violations, facts: { command: 'character create' } });
  }
  return { request: characterRequest(name, read.video), askedSeconds: null, notes: [], paths: [file] };
}

function answerOf({ job, request, profile, key, estimatedMicros, priceList, submittedAtMs }: JobRecord): Answer {
  const id = job?.id ?? key;
  const data = {
    ...characterJson({ id, name: request.prompt, createdAtMs: job?.createdAtMs ?? submittedAtMs }, profile),
    cost: costJson(estimatedMicros, priceList),
    submission: key,
  };
  return { data, view: () => `${cleanLine(id)}\n` };
}

type ShowDeps = Pick<Context, 'host' | 'jobs' | 'ledger' | 'servers' | 'configuration'>;

export const characterShowCommand = defineCommand({
  name: 'character show',
  description: 'Reads a character from its server.',
  arguments: [{ form: '<id>', summary: 'the id of a character, or its unique ending' }],
  options: { timeout: TIMEOUT_OPTION },
  json: '{"id","name","created_at","profile"}',
  errors: ['usage', 'video_not_found', 'not_supported', 'wait_timeout'],
  examples: [
    ['sora character show char_123', 'its name and age'],
    ['sora character show char_123 --json', 'the same, for a script'],
  ],

  async run({ args: [name = ''], options }, deps: ShowDeps) {
    const { servers, host, jobs } = deps;
    const faults: string[] = [];
    const deadlineMs = readDeadlineMs(options.timeout, deps, faults);
    refuseFaults(faults);
    if (name.trim() === '') throw new SoraError('usage', { title: 'an id is empty' });
    const isMade = (record: JobRecord): boolean => isOfCharacter(record) && record.job !== null;
    const record = await recordNamed(name, deps, isMade);
    const configuration = servers.configurationOf(record);
    const [missing] = missingFor({ operation: 'character' }, capabilitiesOf(configuration));
    if (missing !== undefined) throw new SoraError('not_supported', { title: missing });
    const { direct, identity, retries } = await servers.of(record);
    const id = record?.job?.id ?? name;
    const character = await jobs.inTime(deadlineMs, id, (signal) => {
      const call = { signal, exists: record !== undefined };
      return retryRead(() => readCharacter(direct, id, call), retries, call);
    });
    const { createdAtMs } = character;
    const age = createdAtMs === null ? '' : `${formatAge(createdAtMs, host.clock.now())} ago`;
    const view = ({ isTerminal }: Surface): string => {
      const created = isTerminal ? age : (isoTime(createdAtMs) ?? '');
      return `${[character.id, character.name ?? '', created].map((cell) => cleanLine(cell)).join('\t')}\n`;
    };
    return { answer: { data: characterJson(character, identity.profile), view } };
  },
});

/** A character for programs; the keys are a public interface. */
function characterJson({ id, name, createdAtMs }: ServedCharacter, profile: string): Record<string, unknown> {
  return { id, name, created_at: isoTime(createdAtMs), profile };
}
