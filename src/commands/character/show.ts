import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { readDeadlineMs, refuseFaults, TIMEOUT_OPTION } from '../../app/option-values.ts';
import { readCharacter } from '../../client/characters.ts';
import { capabilitiesOf } from '../../configuration/endpoint.ts';
import { SoraError } from '../../domain/errors.ts';
import { isOfCharacter, type JobRecord } from '../../domain/record.ts';
import { missingFor } from '../../domain/request-gate.ts';
import { MIN_ENDING } from '../../domain/short-id.ts';
import { cleanLine } from '../../output/clean-text.ts';
import { formatAge } from '../../output/job-view.ts';
import { characterJson } from './character-json.ts';

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
    refuseFaults(faults, 'character show');
    if (name.trim() === '') throw new SoraError('usage', { title: 'an id is empty' });
    const record = await recordNamed(name, deps);
    const configuration = servers.configurationOf(record);
    const [missing] = missingFor({ operation: 'character' }, capabilitiesOf(configuration));
    if (missing !== undefined) throw new SoraError('not_supported', { title: missing });
    const { transport, identity, retry } = await servers.of(record);
    const id = record?.job?.id ?? name;
    const client = { transport, profile: identity.profile, now: host.clock.now };
    const character = await jobs.inTime(deadlineMs, id, (signal) => {
      const call = { signal, exists: record !== undefined };
      return retry(() => readCharacter(client, id, call), call);
    });
    const { createdAtMs } = character;
    const age = createdAtMs === null ? '' : `${formatAge(createdAtMs, host.clock.now())} ago`;
    const view = (): string =>
      `${[character.id, character.name ?? '', age].map((cell) => cleanLine(cell)).join('\t')}\n`;
    return { answer: { data: characterJson(character, identity.profile), view } };
  },
});

/** The character that the ledger knows under an id or its ending; one created elsewhere has no record. */
async function recordNamed(name: string, { ledger, configuration }: Pick<ShowDeps, 'ledger' | 'configuration'>) {
  const isCharacter = (record: JobRecord): boolean => isOfCharacter(record) && record.job !== null;
  const exact = (await ledger.byId(name)).filter(isCharacter);
  const named = exact.length > 0 || name.length < MIN_ENDING ? exact : await ledger.byEnding(name);
  const found = named.filter(isCharacter);
  const own = found.filter(({ baseUrl }) => baseUrl === configuration.baseUrl.value);
  const [record, another] = own.length > 0 ? own : found;
  if (another === undefined || another.job?.id === record?.job?.id) return record;
  throw new SoraError('usage', {
    title: `\`${name}\` is the ending of ${found.length} characters`,
    violations: found.map(({ job, request }) => `${job?.id}: ${request.prompt}`),
    hints: ['give more characters of the id'],
  });
}
