import type { Context } from '../../app/context.ts';
import type { RequestOptions } from '../../app/request-options.ts';
import { SoraError } from '../../domain/errors.ts';
import { canonicalJson, type JsonValue, plainJson } from '../../domain/json.ts';
import { idOrKey, type RecordedRequest } from '../../domain/record.ts';
import { withDefaults } from '../../domain/request-defaults.ts';
import type { VideoRequest } from '../../domain/video.ts';
import { recordRequest } from '../../jobs/fingerprint.ts';

/** An old job's request as the basis of a new one. */
export interface Template {
  readonly prompt: string;
  readonly options: RequestOptions;
  /** The differences between the old request and a new one, in words. */
  describeChanges(request: VideoRequest): string;
}

/**
 * Fills in missing options from the request of an old job. Files must be given again, since the ledger keeps only
 * their hashes. Throws `video_not_found`.
 */
export async function templateFrom(
  name: string,
  prompt: string | undefined,
  options: RequestOptions,
  { jobs, ledger, configuration }: Pick<Context, 'jobs' | 'ledger' | 'configuration'>,
  faults: string[],
): Promise<Template> {
  const record = await jobs.known(name);
  if (record === undefined) {
    throw new SoraError('video_not_found', {
      title: `the ledger has no job \`${name}\`, so its request is not known`,
      hints: ['run `sora list --local` to see the jobs that `--from` can use'],
    });
  }
  const { request: old, baseUrl } = record;
  const short = await ledger.shortId(idOrKey(record));
  if (options.image === undefined && old.image?.startsWith('sha256:'))
    faults.push(`${short} used an image file, of which only the hash is kept: give it again with \`--image\``);
  if (old.source !== undefined)
    faults.push(`${short} was made from another video: use \`sora ${old.source.operation}\` for one like it`);
  const { param, ...given } = options;
  const { params, ...filled } = withDefaults({ ...given, params: param }, optionsOf(old));
  return {
    prompt: prompt ?? old.prompt.replace(/^@/, '@@'),
    options: {
      ...filled,
      param: params,
      model: options.model ?? old.model ?? undefined,
      image: options.image ?? addressOf(old.image),
      ...referencesFrom(old, options, short, faults),
      character: options.character ?? (old.characters.length > 0 ? old.characters : undefined),
    },
    describeChanges(request) {
      const changes = changesBetween(old, recordRequest(request));
      const server = configuration.baseUrl.value;
      if (server !== baseUrl) changes.push(`server ${baseUrl} → ${server}`);
      return `the request of ${short}${changes.length === 0 ? ', unchanged' : `, with ${changes.join(', ')}`}`;
    },
  };
}

/** The old request in the names of a profile's defaults. */
function optionsOf({ seconds, size, frame, quality, params }: RecordedRequest): Record<string, string> {
  const entries: [string, string | null | undefined][] = [
    ['duration', seconds === null ? null : String(seconds)],
    ['quality', quality],
    ['size', frame ? null : size],
    ['resolution', frame?.resolution],
    ['aspect_ratio', frame?.aspectRatio],
    ...Object.entries(params).map(([key, value]): [string, string] => [`params.${key}`, plainJson(value)]),
  ];
  return Object.fromEntries(entries.flatMap(([name, value]) => (value ? [[name, value]] : [])));
}

/** The references that are not given again; a file, of which only the hash is kept, is a fault. */
function referencesFrom(
  { references = [] }: RecordedRequest,
  { lastFrame, reference }: RequestOptions,
  short: string,
  faults: string[],
): Pick<RequestOptions, 'lastFrame' | 'reference'> {
  const take = (option: string, isWanted: (role: string) => boolean): string[] =>
    references.flatMap((entry) => {
      const [, role = '', source = ''] = /^(\w+):(.*)$/s.exec(entry) ?? [];
      if (!isWanted(role)) return [];
      const address = addressOf(source);
      if (address !== undefined) return [address];
      faults.push(
        `${short} used a ${role.replace('_', ' ')} file, of which only the hash is kept: give it again with \`${option}\``,
      );
      return [];
    });
  return {
    lastFrame: lastFrame ?? take('--last-frame', (role) => role === 'last_frame')[0],
    reference: reference ?? take('--reference', (role) => role !== 'last_frame'),
  };
}

function addressOf(image: string | null): string | undefined {
  const [, address] = /^(?:url|file_id):(.+)$/s.exec(image ?? '') ?? [];
  return address;
}

function changesBetween(old: RecordedRequest, request: RecordedRequest): string[] {
  const show = (value: JsonValue = 'unset'): string => (typeof value === 'string' ? value : canonicalJson(value));
  const names = [
    'prompt',
    'model',
    'seconds',
    'size',
    'frame',
    'quality',
    'image',
    'references',
    'characters',
    'params',
  ] as const;
  return names.flatMap((name) => {
    const [before, after] = [show(old[name] ?? undefined), show(request[name] ?? undefined)];
    if (before === after) return [];
    return [name === 'prompt' ? 'another prompt' : `${name} ${before} → ${after}`];
  });
}
