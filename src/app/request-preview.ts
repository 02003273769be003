import { serverModel } from '../client/profile-client.ts';
import type { Configuration } from '../configuration/configuration.ts';
import { endpointOf, isSecretName, needsKey } from '../configuration/endpoint.ts';
import { type JsonObject, plainJson } from '../domain/json.ts';
import { formatUsd } from '../domain/money.ts';
import type { Estimate } from '../domain/pricing.ts';
import { idOrKey, type JobRecord } from '../domain/record.ts';
import { firstFormat } from '../domain/request-format.ts';
import type { VideoRequest } from '../domain/video.ts';
import { cleanText } from '../output/clean-text.ts';
import { costJson } from '../output/cost-view.ts';
import type { Answer } from '../output/output.ts';
import { isForm, type WrittenCreate, writeCreate } from '../wire/create.ts';
import { type CurlField, type CurlTarget, curlFor } from '../wire/curl.ts';
import type { ReadRequest } from './request-options.ts';

export interface Preview {
  /** Names the price list. */
  readonly price: Estimate | null;
  /** Of everything that is not paid for yet; null if it is unknown. */
  readonly totalMicros: number | null;
  readonly count: number;
  /** The seconds that each of several steps adds. */
  readonly steps?: readonly number[] | undefined;
  /** Submissions that already serve some of these videos, which are not paid for again. */
  readonly attached: readonly JobRecord[];
}

/** The answer to `--dry-run`: the request as it would be sent, a curl command that sends it, and the cost. */
export function previewRequest(
  read: ReadRequest,
  { price, totalMicros, count, attached, steps }: Preview,
  configuration: Configuration,
): Answer {
  const { paths } = read;
  const ids = attached.map(idOrKey);
  const curl = createCurl(read.request, configuration, paths);
  const shown = shownFields(written(read.request, configuration), paths);
  const { source } = read.request;
  const from = source && (source.video.kind === 'id' ? source.video.id : paths[0]);
  return {
    data: {
      request: shown,
      ...(source && { operation: source.operation, source: from }),
      count,
      ...(steps && { steps }),
      attaches_to: ids,
      curl,
      cost: costJson(totalMicros, price?.priceList ?? null),
    },
    view: ({ palette }) =>
      [
        ...(source ? [`${palette.dim(source.operation.padEnd(16))} ${cleanText(from ?? '')}\n`] : []),
        ...Object.entries(shown).map(
          ([name, value]) => `${palette.dim(name.padEnd(16))} ${cleanText(plainJson(value))}\n`,
        ),
        ...(count > 1 ? [`${palette.dim('count'.padEnd(16))} ${count}\n`] : []),
        ...(steps ? [`${palette.dim('steps'.padEnd(16))} ${steps.map((seconds) => `${seconds} s`).join(', ')}\n`] : []),
        ...ids.map((id) => `${palette.dim('attaches to'.padEnd(16))} ${cleanText(id)}, at no further cost\n`),
        `${palette.dim('cost'.padEnd(16))} ${describeCost(totalMicros, configuration.isSimulator, price)}\n`,
        `\n${curl}\n`,
      ].join(''),
  };
}

/** The create as a curl command; secrets are shell variables. */
export function createCurl(
  request: VideoRequest,
  configuration: Configuration,
  paths: ReadRequest['paths'] = [],
): string {
  const { baseUrl, headers, query } = endpointOf(configuration);
  const auth = authOf(configuration);
  return curlFor(written(request, configuration), {
    baseUrl,
    query: fieldsOf(query),
    auth,
    headers: fieldsOf(headers).filter(({ name }) => name.toLowerCase() !== auth?.name.toLowerCase()),
    paths,
  });
}

function fieldsOf(values: Readonly<Record<string, string>>): CurlField[] {
  return Object.entries(values).map(([name, value]) => ({ name, value, isSecret: isSecretName(name) }));
}

/** As it is sent, with the server’s own name of the model. */
function written(request: VideoRequest, { dialect, modelNames, format }: Configuration): WrittenCreate {
  const model = request.model && serverModel(request.model, modelNames);
  return writeCreate(dialect.value, { ...request, model }, firstFormat(request, format));
}

/** The fields of a body, with the paths of files instead of their bytes. */
function shownFields({ body }: WrittenCreate, paths: ReadRequest['paths']): JsonObject {
  const [path, ...others] = paths;
  const shown = (_: string, value: unknown): unknown => {
    const isData = typeof value === 'string' && value.startsWith('data:');
    if (!isData) return value;
    return path !== undefined && others.length === 0 ? path : `${value.slice(0, MAX_DATA_CHARACTERS)}…`;
  };
  return JSON.parse(JSON.stringify(isForm(body) ? formFields(body, paths) : body, shown));
}

/** The fields of a form; those of one name are a list. */
function formFields(form: FormData, paths: ReadRequest['paths']): JsonObject {
  const fields = new Map<string, string[]>();
  const left = [...paths];
  for (const [name, value] of form) {
    const text = typeof value === 'string' ? value : (left.shift() ?? value.name);
    fields.set(name, [...(fields.get(name) ?? []), text]);
  }
  return Object.fromEntries(
    [...fields].map(([name, [first = '', ...more]]) => [name, more.length > 0 ? [first, ...more] : first]),
  );
}

const MAX_DATA_CHARACTERS = 40;

/** `$0.40`, `free`, or for the simulator also the normal price; with the date of a list that the server changes. */
export function describeCost(micros: number | null, isSimulator: boolean, price: Estimate | null = null): string {
  const amount = `${formatUsd(micros)}${price?.isListed ? ` (${price.priceList})` : ''}`;
  if (isSimulator) return `free (simulated; normally ${amount})`;
  return micros === 0 ? 'free' : amount;
}

/** The variable that holds the key to send; without a key, the one that OpenAI requires. */
function authOf(configuration: Configuration): CurlTarget['auth'] {
  const { auth, key, isSimulator } = configuration;
  if (auth === 'none' || isSimulator || (key === null && !needsKey(configuration))) return null;
  const variable = key === null ? 'OPENAI_API_KEY' : /^[A-Za-z_]\w*$/.test(key.origin) ? key.origin : 'SORA_API_KEY';
  return auth === 'bearer'
    ? { name: 'Authorization', prefix: 'Bearer ', variable }
    : { name: 'api-key', prefix: '', variable };
}
