import { serverModel } from '../client/profile-client.ts';
import { formatUsd, usdOf } from '../domain/money.ts';
import type { Estimate } from '../domain/pricing.ts';
import type { VideoRequest } from '../domain/video.ts';
import type { Answer } from '../output/output.ts';
import { curlFor } from '../wire/curl.ts';
import { encodeJson, encodingOf } from '../wire/videos.ts';
import { type Configuration, endpointOf } from './configuration.ts';
import type { ReadRequest } from './request-options.ts';

/** What `--dry-run` answers: the request as it would be sent, the same as a curl command, and the cost. */
export function previewRequest(
  read: ReadRequest,
  cost: Estimate | null,
  count: number,
  configuration: Configuration,
): Answer {
  const { imagePath } = read;
  const request = asSent(read.request, configuration);
  const curl = createCurl(read.request, configuration, imagePath);
  const totalMicros = cost === null ? null : cost.micros * count;
  const shown = { ...encodeJson({ ...request, image: null }), ...(imagePath ? { input_reference: imagePath } : {}) };
  return {
    data: {
      request: shown,
      count,
      curl,
      cost: {
        estimated_usd: totalMicros === null ? null : usdOf(totalMicros),
        actual_usd: null,
        price_list: cost?.priceList ?? null,
      },
    },
    view: ({ palette }) =>
      [
        ...Object.entries(shown).map(([name, value]) => `${palette.dim(name.padEnd(16))} ${textOf(value)}\n`),
        ...(count > 1 ? [`${palette.dim('count'.padEnd(16))} ${count}\n`] : []),
        `${palette.dim('cost'.padEnd(16))} ${describeCost(totalMicros, configuration.isSimulator)}\n`,
        `\n${curl}\n`,
      ].join(''),
  };
}

/** The create of a request as a curl command. */
export function createCurl(request: VideoRequest, configuration: Configuration, imagePath: string | null): string {
  const encoding = configuration.encoding === 'auto' ? encodingOf(request) : configuration.encoding;
  return curlFor(asSent(request, configuration), {
    url: createUrl(configuration),
    auth: authOf(configuration),
    encoding,
    imagePath,
  });
}

/** A model goes by the name that its server has for it. */
function asSent(request: VideoRequest, { modelNames }: Configuration): VideoRequest {
  return { ...request, model: request.model && serverModel(request.model, modelNames) };
}

function textOf(value: unknown): string {
  return typeof value === 'string' ? value : JSON.stringify(value);
}

/** `$0.40`, or what it would be where nothing is paid. */
export function describeCost(micros: number | null, isSimulator: boolean): string {
  const amount = formatUsd(micros);
  return isSimulator ? `free (it would be ${amount})` : amount;
}

function createUrl(configuration: Configuration): string {
  const { baseUrl, query } = endpointOf(configuration);
  const search = new URLSearchParams(query).toString();
  return `${baseUrl.replace(/\/+$/, '')}/videos${search ? `?${search}` : ''}`;
}

function authOf({ auth, isSimulator }: Configuration): { name: string; prefix: string } | null {
  if (auth === 'none' || isSimulator) return null;
  return auth === 'bearer' ? { name: 'Authorization', prefix: 'Bearer ' } : { name: 'api-key', prefix: '' };
}
