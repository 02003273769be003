import fc from 'fast-check';
import { isJsonObject, type JsonValue } from '../../src/domain/json.ts';

/** A change to a place in a JSON value. */
type Mutation = (value: JsonValue) => JsonValue | undefined;

const JUNK: readonly JsonValue[] = [
  ...[null, true, false, 0, -1, 40.5, 1e300, -1e-300, 253_402_300_799],
  ...['', ' ', 'completed', 'FAILED', 'warming up', '100%', 'NaN', '..', '\ud800', '\u0000', '__proto__', '<html>'],
  ...[[], {}, [[]], [null], { id: 'x' }, { status: 'completed' }],
];

const MUTATIONS: fc.Arbitrary<Mutation> = fc.oneof(
  fc.constant<Mutation>(() => undefined),
  fc.constantFrom(...JUNK).map<Mutation>((junk) => () => junk),
  fc.jsonValue({ maxDepth: 2 }).map<Mutation>((junk) => () => junk as JsonValue), // as its name says
  fc.constantFrom<Mutation>(
    (value) => [value],
    (value) => ({ data: value }),
    (value) => ({ value: { value } }),
    (value) => JSON.stringify(value),
    (value) => (isJsonObject(value) ? Object.entries(value).map(([key, item]) => ({ [key]: item })) : String(value)),
  ),
);

const HUGE: fc.Arbitrary<Mutation> = fc.constantFrom<Mutation>(
  (value) => 'x'.repeat(50_000) + JSON.stringify(value),
  () => 9.99e307,
  (value) => Array.from({ length: 2_000 }, () => value),
  (value) => Object.fromEntries(Array.from({ length: 2_000 }, (_, at) => [`key_${at}`, value])),
);

interface Step {
  readonly mutation: Mutation;
  /** The index of the place. */
  readonly place: number;
}

function stepsOf(mutation: fc.Arbitrary<Mutation>, maxLength: number): fc.Arbitrary<Step[]> {
  return fc.array(fc.record({ mutation, place: fc.nat() }), { minLength: 1, maxLength });
}

/** A value with some places dropped, retyped, nested or wrapped. */
export function mutated(values: readonly JsonValue[]): fc.Arbitrary<JsonValue> {
  return fc.tuple(fc.constantFrom(...values), stepsOf(MUTATIONS, 4)).map(apply);
}

/** The body of such a value; some are inflated, truncated or contain a foreign character. */
export function mutatedBody(values: readonly JsonValue[]): fc.Arbitrary<string> {
  const whole = mutated(values).map((value) => JSON.stringify(value));
  const huge = fc
    .tuple(mutated(values), stepsOf(HUGE, 1))
    .map(apply)
    .map((value) => JSON.stringify(value));
  const cut = fc.tuple(whole, fc.nat()).map(([text, at]) => text.slice(0, at % (text.length + 1)));
  const spoilt = fc
    .tuple(whole, fc.nat(), fc.constantFrom('"', '{', ']', '\\', '\u0000', '\ufffd', '<', '9'))
    .map(([text, at, character]) => text.slice(0, at % text.length) + character + text.slice(at % text.length));
  return fc.oneof(
    { weight: 14, arbitrary: whole },
    { weight: 1, arbitrary: huge },
    { weight: 3, arbitrary: cut },
    { weight: 2, arbitrary: spoilt },
  );
}

function apply([value, steps]: [JsonValue, Step[]]): JsonValue {
  return steps.reduce<JsonValue>((result, { mutation, place }) => {
    const places = countPlaces(result);
    return mutateAt(result, place % places, mutation) ?? null;
  }, value);
}

function countPlaces(value: JsonValue): number {
  if (typeof value !== 'object' || value === null) return 1;
  return Object.values(value).reduce((sum: number, item: JsonValue) => sum + countPlaces(item), 1);
}

/** Places are counted from the root downwards; the root is 0. */
function mutateAt(value: JsonValue, place: number, mutation: Mutation): JsonValue | undefined {
  if (place === 0) return mutation(value);
  if (typeof value !== 'object' || value === null) return value;
  let before = 1;
  const entries = Object.entries<JsonValue>(value).flatMap(([key, item]): [string, JsonValue][] => {
    const size = countPlaces(item);
    const isHere = place >= before && place < before + size;
    const changed = isHere ? mutateAt(item, place - before, mutation) : item;
    before += size;
    return changed === undefined ? [] : [[key, changed]];
  });
  return Array.isArray(value) ? entries.map(([, item]) => item) : Object.fromEntries(entries);
}
