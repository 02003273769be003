import type * as Sdk from '@aws-sdk/client-s3';
import { SoraError } from '../domain/errors.ts';
import type { Http } from '../platform/http.ts';
import { silenceSdkWarnings } from '../platform/sdk-warnings.ts';

const INSTALL = 'npm install -g @aws-sdk/client-s3@3 @aws-sdk/s3-request-presigner@3';
const IDLE_TIMEOUT_MS = 120_000;

export interface ConnectionOptions {
  /** Of the process, as the SDK reads it too. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly http: () => Promise<Http>;
  /** Called with what must never be printed. */
  readonly onSecret: (secret: string) => void;
}

export interface S3Connection {
  readonly sdk: typeof Sdk;
  readonly client: Sdk.S3Client;
  /** Of temporary credentials, else empty. Links contain it, so that it is removed from errors only. */
  readonly sessionToken: string;
}

/** Loads the SDK and the credentials, if there are any. Throws `not_supported` if the SDK is not installed. */
export async function connect({ env, http: openHttp, onSecret }: ConnectionOptions): Promise<S3Connection> {
  silenceSdkWarnings();
  const sdk = await import('@aws-sdk/client-s3').catch(sdkMissing);
  const endpoint = env.AWS_ENDPOINT_URL_S3 || env.AWS_ENDPOINT_URL;
  const http = await openHttp();
  const config: Sdk.S3ClientConfig = {
    // Other services serve buckets by path; few have a name for each.
    ...(endpoint ? { endpoint, forcePathStyle: true } : {}),
    followRegionRedirects: true,
    requestHandler: {
      handle: (request: SdkRequest, { abortSignal }: { readonly abortSignal?: unknown } = {}) =>
        exchange(http, request, abortSignal),
    },
  };
  const region = await new sdk.S3Client(config).config.region().catch(() => env.AWS_DEFAULT_REGION || 'us-east-1');
  const client = new sdk.S3Client({ ...config, region });
  const credentials = await client.config.credentials().catch(() => null); // reported by the call
  if (credentials !== null) onSecret(credentials.secretAccessKey);
  return { sdk, client, sessionToken: credentials?.sessionToken ?? '' };
}

/** The parts of an SDK request that are sent. */
interface SdkRequest {
  readonly method: string;
  readonly protocol: string;
  readonly hostname: string;
  readonly port?: number | undefined;
  readonly path: string;
  readonly query?: Readonly<Record<string, string | readonly string[] | null>>;
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: unknown;
}

/** Sends an SDK request over the program's own HTTP, with its proxies and timeouts. */
async function exchange(http: Http, request: SdkRequest, abortSignal: unknown) {
  const { method, protocol, hostname, port, path, query = {}, headers, body } = request;
  const pairs = Object.entries(query).flatMap(([name, value]) =>
    [value].flat().map((each) => `${escaped(name)}=${escaped(each ?? '')}`),
  );
  const reply = await http({
    method,
    url: `${protocol}//${hostname}${port === undefined ? '' : `:${port}`}${path}${pairs.length > 0 ? `?${pairs.join('&')}` : ''}`,
    headers: Object.fromEntries(Object.entries(headers).map(([name, value]) => [name.toLowerCase(), value])),
    ...(typeof body === 'string' || body instanceof Uint8Array ? { body } : {}),
    ...(abortSignal instanceof AbortSignal ? { signal: abortSignal } : {}),
    idleTimeoutMs: IDLE_TIMEOUT_MS,
  });
  return { response: { statusCode: reply.status, headers: { ...reply.headers }, body: reply.body } };
}

/** As signatures require it. */
function escaped(text: string): string {
  return encodeURIComponent(text).replace(
    /[!'()*]/g,
    (character) => `%${character.charCodeAt(0).toString(16).toUpperCase()}`,
  );
}

/** The error of a package that cannot be loaded. */
export function sdkMissing(cause: unknown): never {
  throw new SoraError('not_supported', {
    title: 'saving to `s3://` needs the AWS SDK, which is not installed',
    hints: [`run \`${INSTALL}\``, 'choose another place with `-o`'],
    cause,
  });
}
