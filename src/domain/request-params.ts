import type { Dialect } from './dialect.ts';
import { isNestedTooDeeply, type JsonValue, parseJson } from './json.ts';
import { chargeOfParams, describeMultipliers } from './priced-params.ts';
import type { RequestTarget } from './request-target.ts';
import type { VideoRequest } from './video.ts';

const COMMON_FIELDS = { prompt: 'the prompt argument', model: '`--model`', quality: '`--quality`' };

/** The fields that options fill in; `--param` may not set them. */
const STANDARD_FIELDS: Readonly<Record<Dialect, Readonly<Record<string, string>>>> = {
  videos: {
    ...COMMON_FIELDS,
    seconds: '`--duration`',
    size: '`--size`',
    input_reference: '`--image`',
    characters: '`--character`',
  },
  generations: {
    ...COMMON_FIELDS,
    duration: '`--duration`',
    resolution: '`--resolution`',
    orientation: '`--orientation`',
  },
  'new-api': { ...COMMON_FIELDS, duration: '`--duration`', size: '`--size`', image: '`--image`' },
  openrouter: {
    ...COMMON_FIELDS,
    duration: '`--duration`',
    resolution: '`--resolution`',
    aspect_ratio: '`--aspect-ratio`',
    size: '`--size`',
    frame_images: '`--image`',
  },
};

type Unparameterized = Omit<VideoRequest, 'params'>;

/** Whether the field of an option is sent; one that is not may mean something else to a server. */
const IS_SENT: Readonly<Record<string, (request: Unparameterized) => boolean>> = {
  '`--model`': ({ model }) => model !== null,
  '`--duration`': ({ seconds }) => seconds !== null,
  '`--size`': ({ size }) => size !== null,
  '`--quality`': ({ quality }) => quality !== null,
  '`--image`': ({ image }) => image !== null,
  '`--character`': ({ characters }) => characters.length > 0,
  '`--resolution`': ({ frame }) => typeof frame?.resolution === 'string',
  '`--aspect-ratio`': ({ frame }) => typeof frame?.aspectRatio === 'string',
  '`--orientation`': ({ frame }) => typeof frame?.aspectRatio === 'string',
};

/** The option that fills in a field of this request. */
function optionOf(field: string, dialect: Dialect, request: Unparameterized): string | undefined {
  const fields = STANDARD_FIELDS[dialect];
  const option = Object.hasOwn(fields, field) ? fields[field] : undefined;
  return option === undefined || IS_SENT[option]?.(request) === false ? undefined : option;
}

/** Reads `--param` options. */
export function parseParams(
  texts: readonly string[],
  request: Unparameterized,
  { server, violations }: RequestTarget,
): Record<string, JsonValue> {
  const params: Record<string, JsonValue> = {};
  for (const text of texts) {
    const [, key, value] = /^([^=\s]+)=(.*)$/s.exec(text) ?? [];
    const option = key && optionOf(key, server.dialect, request);
    if (key === undefined || value === undefined) {
      violations.push(`the parameter \`${text}\` is not of the form key=value`);
    } else if (option) {
      violations.push(`the parameter \`${key}\` has its own option: ${option}`);
    } else if (Object.hasOwn(params, key)) {
      violations.push(`the parameter \`${key}\` is given twice`);
    } else {
      // Sent as JSON if it parses, else as a string; `defineProperty` because the key may be `__proto__`.
      const json = parseJson(value);
      if (json !== undefined && isNestedTooDeeply(json)) {
        violations.push(`the parameter \`${key}\` is nested too deeply`);
        continue;
      }
      Object.defineProperty(params, key, { value: json === undefined ? value : json, enumerable: true });
    }
  }
  return params;
}

/** The price of a known model depends on options only, so no parameter can raise it above the estimate. */
export function checkPricedParams(
  params: Readonly<Record<string, JsonValue>>,
  { limits, violations, notes }: RequestTarget,
): void {
  const charge = chargeOfParams(params);
  const multiplied = describeMultipliers(charge);
  if (multiplied !== null) notes.push(multiplied);
  if (limits === undefined) return;
  for (const name of charge.models)
    violations.push(`the parameter \`${name}\` would change the model: use \`--model\``);
  for (const name of charge.lengths) {
    violations.push(`the parameter \`${name}\` would change the price: use \`--duration\` and \`--size\``);
  }
}
