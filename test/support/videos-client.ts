import { DialectClient } from '../../src/client/dialect-client.ts';
import type { VideosClient } from '../../src/client/port.ts';
import { type Endpoint, type TraceEvent, Transport } from '../../src/client/transport.ts';
import type { Dialect } from '../../src/domain/dialect.ts';
import { Secrets } from '../../src/domain/redact.ts';
import { type RequestFormat, USUAL_FORMAT } from '../../src/domain/request-format.ts';
import type { Clock } from '../../src/platform/clock.ts';
import { type Http, nodeHttp } from '../../src/platform/http.ts';
import { createFakeClock } from './fake-clock.ts';

export const API_KEY = 'sk-test-0123456789abcdef';

export interface ClientSetup {
  readonly http?: Http;
  readonly endpoint?: Partial<Endpoint>;
  readonly format?: Partial<RequestFormat>;
  /** `videos` by default. */
  readonly dialect?: Dialect;
  readonly timeoutMs?: number;
  readonly clock?: Clock;
  readonly allowsPrivateFiles?: boolean;
}

export interface TestedClient {
  readonly client: VideosClient;
  readonly transport: Transport;
  readonly trace: readonly TraceEvent[];
  readonly notices: readonly string[];
}

/** A client as the program creates it, with a key, which records its traces and notices. */
export function createVideosClient(baseUrl: string, setup: ClientSetup = {}): TestedClient {
  const trace: TraceEvent[] = [];
  const notices: string[] = [];
  const clock = setup.clock ?? createFakeClock();
  const { now } = clock;
  const transport = new Transport({
    http: setup.http ?? nodeHttp,
    endpoint: {
      baseUrl,
      auth: { name: 'authorization', value: `Bearer ${API_KEY}` },
      headers: {},
      query: {},
      listQuery: {},
      ...setup.endpoint,
    },
    secrets: new Secrets([API_KEY]),
    userAgent: 'sora-cli/1.2.3',
    timeoutMs: setup.timeoutMs ?? 10_000,
    clock,
    allowsPrivateFiles: setup.allowsPrivateFiles ?? false,
    trace: (event) => trace.push(event),
    onNotice: (notice) => notices.push(notice),
  });
  const { dialect = 'videos' } = setup;
  const format = { ...USUAL_FORMAT, ...setup.format };
  const client = new DialectClient({ transport, profile: 'lab', now, dialect, format });
  return { client, transport, trace, notices };
}
