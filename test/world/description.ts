import fc from 'fast-check';
import type { Fate } from './processes.ts';

/** What happens to a create. The client cannot tell from the reply whether it was created, except where noted. */
export type CreateFault =
  | 'none'
  | 'refused connection' // certainly not created
  | '429' // certainly not created
  | '400' // certainly not created
  | 'half an answer' // created
  | 'a page' // created
  | `${'made' | 'lost'}: ${'reset' | '500' | '502' | '504' | 'silence' | Redirect}`
  | 'made late: 504';
type Redirect = `${301 | 302 | 303 | 307 | 308}${'' | ' with Location'}`;

export type LookFault = 'none' | '404' | '500' | 'reset' | 'silence' | '429';
export type ListFault = 'none' | '500' | 'reset' | 'empty' | '405';
export type ContentFault = 'none' | 'cut' | 'cut without length' | 'lapsed' | 'json' | 'wrong range' | 'reset' | '404';
export type Outcome = 'completed' | 'failed' | 'expired' | 'cancelled';
export type UploadFault = 'none' | '500' | 'reset' | 'silence';
/** What happens to a request of a server-side batch, and what its results say. */
export type RowFate =
  | 'made'
  | 'refused' // certainly not created
  | 'not executed' // certainly not created
  | `${'made' | 'lost'}: ${'500' | 'error' | 'no line'}`;
/** `failed`: its file is refused, and nothing is created. Outcomes other than `completed` omit requests. */
export type BatchEnd = 'completed' | 'failed' | 'expired' | 'cancelled';
export type ResultsFault = 'none' | '500' | '404' | 'reset' | 'cut' | 'cut without length' | 'repeated' | 'empty';

export interface Replica {
  /** How far its clock is ahead of ours. */
  readonly skewMs: number;
  readonly times: 'unix' | 'iso' | 'no zone' | 'none';
}

export interface ListHabits {
  /** The delay before a new job is listed. */
  readonly lagMs: number;
  readonly isFinishedOnly: boolean;
  readonly prompts: 'whole' | 'cut' | 'trimmed' | 'rewritten' | 'none';
  readonly hasOtherIds: boolean;
  /** Whether it reports the source of a derived video. */
  readonly showsSources: boolean;
  readonly pageSize: number;
}

export interface Production {
  /** All but `create` start from an existing video. */
  readonly run: 'create' | 'remix' | 'edit' | 'extend';
  readonly prompt: number;
  /** The existing video: the source, or with `create` the one whose request is repeated; null for none. */
  readonly from: number | null;
  /** The character to use, counted back from the newest; null for none. */
  readonly character: number | null;
  readonly count: number;
  readonly option: '' | '--again' | '--reuse';
  readonly result: 'saved' | 'named' | '--detach' | '--no-download';
}

export interface Batch {
  readonly run: 'batch';
  readonly rows: number;
  readonly option: '' | '--retries 2' | '--retry-failed' | '--retry-unknown';
  /** As one server-side batch. */
  readonly isOnServer: boolean;
}

export interface Character {
  readonly run: 'character';
  readonly name: number;
  readonly option: '' | '--again';
}

/** The REST service: resumes earlier jobs, and takes the first orders of `ORDERS`. */
export interface Serve {
  readonly run: 'serve';
  readonly orders: number;
}

const PLAIN = [
  ...['status', 'status @last', 'status --watch', 'download @last', 'cancel @last', 'cancel --all'],
  ...['delete @last -y', 'list', 'ledger check', 'cancel batch', 'cancel batch --wait'],
] as const;

export type Command = Production | Batch | Character | Serve | { readonly run: (typeof PLAIN)[number] };
export type Started = Command & { readonly fate: Fate };

export type Act =
  /** One process, or two at once. */
  | { readonly act: 'run'; readonly processes: readonly Started[] }
  | { readonly act: 'wait'; readonly ms: number }
  /** A person resolves the submissions whose outcome is unknown. */
  | { readonly act: 'attach' | 'forget' }
  /** Somebody else creates a video with the same account. */
  | { readonly act: 'stranger'; readonly prompt: string };

/** A server and the events around it. Queues are used up one by one; afterwards nothing happens. */
export interface World {
  readonly replicas: readonly Replica[];
  /** Which replica gets each request, repeated. */
  readonly balancer: readonly number[];
  readonly list: ListHabits;
  /** The profile declares the list complete, and it is. */
  readonly isComplete: boolean;
  /** Jobs that others created before. */
  readonly strangers: readonly string[];
  /** Living processes look dead to others. */
  readonly looksDead: boolean;
  /** The clock of this machine is changed now and then. */
  readonly hasClockJumps: boolean;
  readonly failedStatus: 200 | 400 | 422 | 500;
  readonly refusesCancel: boolean;
  readonly hasSignedFiles: boolean;
  readonly clipBytes: number;
  /** How long a create and its reply take, repeated. */
  readonly travelMs: readonly { readonly there: number; readonly back: number }[];
  readonly renderMs: readonly number[];
  readonly outcomes: readonly Outcome[];
  readonly creates: readonly CreateFault[];
  readonly looks: readonly LookFault[];
  readonly lists: readonly ListFault[];
  readonly contents: readonly ContentFault[];
  readonly uploads: readonly UploadFault[];
  readonly batches: readonly BatchEnd[];
  readonly rows: readonly RowFate[];
  readonly results: readonly ResultsFault[];
  /** Batches report how many requests they have. */
  readonly countsRequests: boolean;
  readonly acts: readonly Act[];
}

/** Two of them start alike, so that a list that shortens prompts cannot tell them apart. */
export const PROMPTS = ['a paper boat on the wide river, at dawn', 'a paper boat on the wide river, at night', 'a cat'];
export const ORDERS = ['the first order', 'the second order'];
export const NAMES = ['Mossy', 'Fern'];
export const ROWS = ['row one of the film, at sea', 'row two of the film, at sea', 'row three', 'row four'];

const MINUTE_MS = 60_000;

const redirects = [301, 302, 303, 307, 308].flatMap((status) => [`${status}`, `${status} with Location`]);
const createFaults = [
  ...['none', 'none', 'none', 'none', 'refused connection', '429', '400', 'half an answer', 'a page', 'made late: 504'],
  ...['reset', '500', '502', '504', 'silence'].flatMap((fault) => [`made: ${fault}`, `lost: ${fault}`]),
  ...redirects.map((fault) => `made: ${fault}`),
  ...redirects.map((fault) => `lost: ${fault}`),
] as CreateFault[];

const oneIn = (chances: number): fc.Arbitrary<boolean> => fc.nat(chances - 1).map((chance) => chance === chances - 1);
const queue = <T>(values: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(fc.constantFrom(...values), { maxLength });

const anyPrompt = fc.constantFrom(...PROMPTS, ...ROWS);

const replica: fc.Arbitrary<Replica> = fc.record({
  skewMs: fc.constantFrom(0, 0, -10 * MINUTE_MS, 25 * MINUTE_MS, -3 * MINUTE_MS, 4 * MINUTE_MS),
  times: fc.constantFrom('unix', 'iso', 'no zone', 'none'),
});

const list: fc.Arbitrary<ListHabits> = fc.record({
  lagMs: fc.constantFrom(0, 0, 2_000, 60_000, 3_600_000),
  isFinishedOnly: fc.boolean(),
  prompts: fc.constantFrom('whole', 'whole', 'cut', 'trimmed', 'rewritten', 'none'),
  hasOtherIds: fc.boolean(),
  showsSources: fc.boolean(),
  pageSize: fc.constantFrom(100, 1, 2),
});

const fate: fc.Arbitrary<Fate> = fc.record({
  killedAfter: fc.oneof(
    { weight: 3, arbitrary: fc.constant(null) },
    { weight: 2, arbitrary: fc.integer({ min: 1, max: 40 }) },
    { weight: 1, arbitrary: fc.integer({ min: 20, max: 90 }) },
  ),
  torn: fc.constantFrom(0, 0.05, 0.3, 0.9, 0.995),
  fullAfter: fc.oneof({ weight: 9, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.nat(12) }),
  aheadMs: fc.constantFrom(0, 0, 15 * MINUTE_MS, -15 * MINUTE_MS),
  setAfter: fc.constantFrom(0, 0, 8, 14, 20),
  lockTurns: fc.oneof(fc.constant([0]), fc.array(fc.constantFrom(0, 0, 2, 30), { minLength: 2, maxLength: 3 })),
  isElsewhere: oneIn(6),
});

const production: fc.Arbitrary<Production> = fc
  .record({
    run: fc.constantFrom<Production['run'][]>('create', 'create', 'create', 'create', 'remix', 'edit', 'extend'),
    prompt: fc.constantFrom(0, 0, 0, 1, 2),
    from: fc.constantFrom(null, null, 0, 1),
    character: fc.constantFrom(null, null, null, 0, 1),
    count: fc.constantFrom(1, 1, 1, 1, 2, 3),
    option: fc.constantFrom('', '', '', '', '', '', '--again', '--reuse'),
    result: fc.constantFrom('saved', 'saved', '--detach', 'named', '--no-download'),
  })
  .map((of) => {
    const count = of.option === '--reuse' || of.result === 'named' ? 1 : of.count;
    const result = of.result === 'named' && (of.run !== 'create' || of.from !== null) ? 'saved' : of.result;
    const character = of.run === 'create' && of.from === null ? of.character : null;
    return { ...of, count, result, character };
  });

const batch: fc.Arbitrary<Batch> = fc.record({
  run: fc.constant('batch' as const),
  rows: fc.integer({ min: 1, max: ROWS.length }),
  option: fc.constantFrom('', '', '', '--retries 2', '--retry-failed', '--retry-unknown'),
  isOnServer: fc.boolean(),
});

const character: fc.Arbitrary<Character> = fc.record({
  run: fc.constant('character' as const),
  name: fc.nat(NAMES.length - 1),
  option: fc.constantFrom('', '', '', '--again'),
});

const serve: fc.Arbitrary<Serve> = fc.record({
  run: fc.constant('serve' as const),
  orders: fc.integer({ min: 0, max: ORDERS.length }),
});

const command: fc.Arbitrary<Command> = fc.oneof(
  { weight: 6, arbitrary: production },
  { weight: 1, arbitrary: serve },
  { weight: 5, arbitrary: batch },
  { weight: 1, arbitrary: character },
  { weight: 3, arbitrary: fc.record({ run: fc.constantFrom(...PLAIN) }) },
);

const started: fc.Arbitrary<Started> = fc.tuple(command, fate).map(([of, its]) => ({ ...of, fate: its }));

const act: fc.Arbitrary<Act> = fc.oneof(
  {
    weight: 12,
    arbitrary: fc.record({ act: fc.constant('run' as const), processes: fc.tuple(started) }),
  },
  {
    weight: 3,
    arbitrary: fc.record({ act: fc.constant('run' as const), processes: fc.tuple(started, started) }),
  },
  {
    weight: 4,
    arbitrary: fc.tuple(command, fate, fate).map(([of, ...fates]) => ({
      act: 'run' as const,
      processes: fates.map((its) => ({ ...of, fate: its })),
    })),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      act: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, MINUTE_MS, 1_000_000, 8_000_000),
    }),
  },
  { weight: 1, arbitrary: fc.record({ act: fc.constantFrom('attach', 'forget') }) },
  { weight: 1, arbitrary: fc.record({ act: fc.constant('stranger' as const), prompt: anyPrompt }) },
);

const any = fc.record<World>({
  replicas: fc.array(replica, { minLength: 1, maxLength: 3 }),
  balancer: fc.array(fc.nat(2), { minLength: 1, maxLength: 7 }),
  list,
  isComplete: oneIn(6),
  strangers: fc.array(anyPrompt, { maxLength: 3 }),
  hasClockJumps: oneIn(4),
  looksDead: oneIn(3),
  failedStatus: fc.constantFrom(200, 400, 422, 500),
  refusesCancel: fc.boolean(),
  hasSignedFiles: fc.boolean(),
  clipBytes: fc.constantFrom(6_000, 6_000, 6_000, 6_000, 6_000, 6_000, 6_000, 2_500_000),
  travelMs: fc.array(
    fc.record({ there: fc.constantFrom(0, 0, 200, 5_000, 70_000), back: fc.constantFrom(0, 0, 300) }),
    {
      minLength: 1,
      maxLength: 3,
    },
  ),
  renderMs: fc.array(fc.constantFrom(0, 1_000, 20_000, 600_000), { minLength: 1, maxLength: 3 }),
  outcomes: queue<Outcome>(['completed', 'completed', 'completed', 'failed', 'expired', 'cancelled'], 4),
  creates: queue(createFaults, 5),
  looks: queue<LookFault>(['none', 'none', '404', '500', 'reset', 'silence', '429'], 6),
  lists: queue<ListFault>(['none', 'none', '500', 'reset', 'empty', '405'], 3),
  contents: queue<ContentFault>(
    ['none', 'cut', 'cut without length', 'lapsed', 'json', 'wrong range', 'reset', '404'],
    4,
  ),
  uploads: queue<UploadFault>(['none', 'none', 'none', '500', 'reset', 'silence'], 3),
  batches: queue<BatchEnd>(['completed', 'completed', 'completed', 'failed', 'expired', 'cancelled'], 3),
  rows: queue<RowFate>(
    ['made', 'made', 'made', 'refused', 'not executed', 'made: 500', 'lost: 500', 'made: error', 'made: no line'],
    6,
  ),
  results: queue<ResultsFault>(
    ['none', 'none', '500', '404', 'reset', 'cut', 'cut without length', 'repeated', 'empty'],
    4,
  ),
  countsRequests: fc.boolean(),
  acts: fc.array(act, { minLength: 1, maxLength: 6 }),
});

/** Any world; shrinks to smaller and quieter ones. */
export const anyWorld: fc.Arbitrary<World> = any.map((world) => {
  const described = world.hasClockJumps ? world : withOneClock(world);
  return described.isComplete ? complete(withoutStrangers(described)) : described;
});

/** When a user declares the list complete, it shows every job within seconds of its create. */
function complete(world: World): World {
  return {
    ...world,
    replicas: [{ skewMs: 0, times: 'unix' }],
    list: {
      lagMs: 0,
      isFinishedOnly: false,
      prompts: 'whole',
      hasOtherIds: false,
      showsSources: true,
      pageSize: world.list.pageSize,
    },
    lists: world.lists.filter((fault) => fault !== 'empty'),
    creates: world.creates.filter((fault) => fault !== 'made late: 504'),
    travelMs: world.travelMs.map(({ there, back }) => ({ there: Math.min(there, 5_000), back })),
  };
}

function withoutStrangers(world: World): World {
  return { ...world, strangers: [], acts: world.acts.filter(({ act: kind }) => kind !== 'stranger') };
}

function withOneClock(world: World): World {
  const acts = world.acts.map((each) =>
    each.act === 'run'
      ? { ...each, processes: each.processes.map((of) => ({ ...of, fate: { ...of.fate, aheadMs: 0 } })) }
      : each,
  );
  return { ...world, acts };
}
