import fc from 'fast-check';

/** What becomes of a create. `made` or not, the client cannot tell from the answer, except where it says so. */
export type CreateFault =
  | 'none'
  | 'refused connection' // certainly not made
  | '429' // certainly not made
  | '400' // certainly not made
  | 'half an answer' // made
  | 'a page' // made
  | `${'made' | 'lost'}: ${'reset' | '500' | '502' | '504' | 'silence' | Redirect}`
  | 'made late: 504';
type Redirect = `${301 | 302 | 303 | 307 | 308}${'' | ' with Location'}`;

export type LookFault = 'none' | '404' | '500' | 'reset' | 'silence' | '429';
export type ListFault = 'none' | '500' | 'reset' | 'empty' | '405';
export type ContentFault = 'none' | 'cut' | 'cut without length' | 'lapsed' | 'json' | 'wrong range' | 'reset' | '404';
export type Outcome = 'completed' | 'failed' | 'expired' | 'cancelled';

export interface Replica {
  /** How far its clock is ahead of ours. */
  readonly skewMs: number;
  readonly times: 'unix' | 'iso' | 'no zone' | 'none';
}

export interface ListHabits {
  /** A job is listed only so long after it was made. */
  readonly lagMs: number;
  readonly isFinishedOnly: boolean;
  readonly prompts: 'whole' | 'cut' | 'trimmed' | 'rewritten' | 'none';
  readonly hasOtherIds: boolean;
  readonly pageSize: number;
}

export type Command =
  | { readonly run: 'create'; readonly prompt: number; readonly isDetached: boolean; readonly isAgain: boolean }
  | { readonly run: 'batch'; readonly rows: number; readonly retriesUnknown: boolean }
  | { readonly run: 'status' | 'status @last' | 'download @last' | 'cancel @last' | 'status --watch' }
  | { readonly run: 'wait'; readonly ms: number };

/** A command and after how many effects (writes, requests, replies) its process is killed. */
export type Act = Command & { readonly killedAfter: number | null };

/** A server and what happens on it and around it. Queues are used up one by one; what comes after them is quiet. */
export interface World {
  readonly replicas: readonly Replica[];
  /** Which replica gets a request, in turn, over and over. */
  readonly balancer: readonly number[];
  readonly list: ListHabits;
  /** The profile declares the list complete, and it is. */
  readonly isComplete: boolean;
  readonly failedStatus: 200 | 400 | 422 | 500;
  readonly refusesCancel: boolean;
  readonly hasSignedFiles: boolean;
  readonly renderMs: readonly number[];
  readonly outcomes: readonly Outcome[];
  readonly creates: readonly CreateFault[];
  readonly looks: readonly LookFault[];
  readonly lists: readonly ListFault[];
  readonly contents: readonly ContentFault[];
  readonly acts: readonly Act[];
}

/** Two of them begin alike, so that a list that cuts prompts cannot tell them apart. */
export const PROMPTS = ['a paper boat on the wide river, at dawn', 'a paper boat on the wide river, at night', 'a cat'];
export const ROWS = ['row one of the film, at sea', 'row two of the film, at sea', 'row three', 'row four'];

const MINUTE_MS = 60_000;

const redirects = [301, 302, 303, 307, 308].flatMap((status) => [`${status}`, `${status} with Location`]);
const createFaults = [
  ...['none', 'none', 'refused connection', '429', '400', 'half an answer', 'a page', 'made late: 504'],
  ...['reset', '500', '502', '504', 'silence', ...redirects].flatMap((fault) => [`made: ${fault}`, `lost: ${fault}`]),
] as CreateFault[];

const replica: fc.Arbitrary<Replica> = fc.record({
  skewMs: fc.constantFrom(0, 0, -10 * MINUTE_MS, 25 * MINUTE_MS, -3 * MINUTE_MS, 4 * MINUTE_MS),
  times: fc.constantFrom('unix', 'iso', 'no zone', 'none'),
});

const list: fc.Arbitrary<ListHabits> = fc.record({
  lagMs: fc.constantFrom(0, 0, 2_000, 60_000, 3_600_000),
  isFinishedOnly: fc.boolean(),
  prompts: fc.constantFrom('whole', 'whole', 'cut', 'trimmed', 'rewritten', 'none'),
  hasOtherIds: fc.boolean(),
  pageSize: fc.constantFrom(100, 1, 2),
});

const COMPLETE_LIST: ListHabits = {
  ...{ lagMs: 0, isFinishedOnly: false, prompts: 'whole', hasOtherIds: false, pageSize: 100 },
};

const command: fc.Arbitrary<Command> = fc.oneof(
  {
    weight: 5,
    arbitrary: fc.record({
      run: fc.constant('create' as const),
      prompt: fc.nat(PROMPTS.length - 1),
      isDetached: fc.boolean(),
      isAgain: fc.nat(9).map((chance) => chance === 9),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      run: fc.constant('batch' as const),
      rows: fc.integer({ min: 1, max: ROWS.length }),
      retriesUnknown: fc.nat(7).map((chance) => chance === 7),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      run: fc.constantFrom('status', 'status @last', 'download @last', 'cancel @last', 'status --watch'),
    }),
  },
  {
    weight: 2,
    arbitrary: fc.record({
      run: fc.constant('wait' as const),
      ms: fc.constantFrom(1_000, 60_000, 1_000_000, 8_000_000),
    }),
  },
);

const act: fc.Arbitrary<Act> = fc
  .tuple(
    command,
    fc.oneof({ weight: 2, arbitrary: fc.constant(null) }, { weight: 1, arbitrary: fc.integer({ min: 1, max: 60 }) }),
  )
  .map(([of, killedAfter]) => ({ ...of, killedAfter }));

const queue = <T>(values: readonly T[], maxLength: number): fc.Arbitrary<T[]> =>
  fc.array(fc.constantFrom(...values), { maxLength });

/** Any world, smaller and quieter ones first. */
export const anyWorld: fc.Arbitrary<World> = fc
  .record({
    replicas: fc.array(replica, { minLength: 1, maxLength: 3 }),
    balancer: fc.array(fc.nat(2), { minLength: 1, maxLength: 7 }),
    list,
    isComplete: fc.nat(5).map((chance) => chance === 5),
    failedStatus: fc.constantFrom(200, 400, 422, 500),
    refusesCancel: fc.boolean(),
    hasSignedFiles: fc.boolean(),
    renderMs: fc.array(fc.constantFrom(0, 1_000, 20_000, 600_000), { minLength: 1, maxLength: 3 }),
    outcomes: queue<Outcome>(['completed', 'completed', 'completed', 'failed', 'expired', 'cancelled'], 4),
    creates: queue(createFaults, 5),
    looks: queue<LookFault>(['none', 'none', '404', '500', 'reset', 'silence', '429'], 6),
    lists: queue<ListFault>(['none', 'none', '500', 'reset', 'empty', '405'], 3),
    contents: queue<ContentFault>(
      ['none', 'cut', 'cut without length', 'lapsed', 'json', 'wrong range', 'reset', '404'],
      4,
    ),
    acts: fc.array(act, { minLength: 1, maxLength: 7 }),
  })
  .map((world) =>
    world.isComplete
      ? {
          ...world,
          replicas: [{ skewMs: 0, times: 'unix' as const }],
          list: COMPLETE_LIST,
          lists: world.lists.filter((fault) => fault !== 'empty'),
        }
      : world,
  );
