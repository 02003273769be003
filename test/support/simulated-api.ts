import type { SHAPES } from '../../src/domain/dialect.ts';
import type { Renderer } from '../../src/simulator/asset-cache.ts';
import type { Conditions } from '../../src/simulator/conditions.ts';
import type { FaultName } from '../../src/simulator/faults.ts';
import { createSimulator, type Simulator } from '../../src/simulator/simulator.ts';
import { expectPromised } from './document-check.ts';
import { createFakeClock, type FakeClock } from './fake-clock.ts';
import { respond } from './request-handler.ts';
import { createSeededRandom } from './seeded-random.ts';
import { createTemporaryFolder } from './temporary-folder.ts';

export interface SimulatedApiOptions {
  readonly fault?: FaultName;
  readonly conditions?: Conditions;
  readonly speed?: number;
  readonly stateDir?: string;
  readonly clock?: FakeClock;
  readonly seed?: number;
  readonly shape?: (typeof SHAPES)[number];
  readonly render?: Renderer;
  readonly takesCallbacks?: boolean;
}

export interface SimulatedCall {
  readonly json?: unknown;
  readonly form?: FormData;
  readonly headers?: Readonly<Record<string, string>>;
}

export interface SimulatedApi {
  readonly simulator: Simulator;
  readonly clock: FakeClock;
  readonly stateDir: string;
  readonly handle: (request: Request) => Promise<Response>;
  /** `call('GET', '/videos')`: a path below the base URL. */
  call(method: string, path: string, call?: SimulatedCall): Promise<Response>;
  /** Creates a video and returns its id. */
  create(fields?: Readonly<Record<string, unknown>>): Promise<string>;
}

/** A simulator with a stopped clock, seeded randomness and its own folder, whose replies are checked against the document of `serve`. */
export function createSimulatedApi(options: SimulatedApiOptions = {}): SimulatedApi {
  const { clock = createFakeClock(), stateDir = createTemporaryFolder(), seed = 1, ...rest } = options;
  const simulator = createSimulator({ clock, stateDir, randomBytes: createSeededRandom(seed), ...rest });
  const api: SimulatedApi = {
    simulator,
    clock,
    stateDir,
    async handle(request) {
      const reply = await respond(simulator, request);
      const isLoginPage = reply.headers.get('content-type')?.startsWith('text/html'); // an injected fault, not in the document
      const isOtherShape = options.shape === 'new-api' && request.url.includes('/generations'); // `serve` follows the guide
      if (!isLoginPage && !isOtherShape) await expectPromised(request.method, request.url, reply);
      return reply;
    },
    call(method, path, { json, form, headers = {} } = {}) {
      const body = json === undefined ? form : JSON.stringify(json);
      const type: Record<string, string> = json === undefined ? {} : { 'content-type': 'application/json' };
      return api.handle(
        new Request(`http://simulator.invalid/v1${path}`, {
          method,
          headers: { ...type, ...headers },
          ...(body === undefined ? {} : { body }),
        }),
      );
    },
    async create(fields = {}) {
      const response = await api.call('POST', '/videos', { json: { prompt: 'a red kite over the sea', ...fields } });
      return readText(await response.json(), 'id');
    },
  };
  return api;
}

/** A property of a decoded JSON object that must be a string. */
function readText(value: unknown, key: string): string {
  const text: unknown = typeof value === 'object' && value !== null ? Reflect.get(value, key) : undefined;
  if (typeof text !== 'string') throw new Error(`no ${key} in ${JSON.stringify(value)}`);
  return text;
}
