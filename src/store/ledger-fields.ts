import { isJsonObject, type JsonObject, type JsonValue } from '../domain/json.ts';

/** The maximum distance of a `Date` from the epoch. */
const MAX_TIME_MS = 8.64e15;

/** Thrown for an invalid field; its message names the field. */
export class UnreadableField extends Error {
  override readonly name = 'UnreadableField';
}

/** Strict readers of one object's fields. */
export class Fields {
  readonly #object: JsonObject;
  readonly #path: string;

  constructor(object: JsonObject, path = '') {
    this.#object = object;
    this.#path = path;
  }

  text(name: string): string {
    const value = this.#object[name];
    return typeof value === 'string' ? value : this.#fail(name, 'a string');
  }

  texts(name: string): string[] {
    const value = this.#object[name];
    if (!Array.isArray(value)) return this.#fail(name, 'a list of strings');
    return value.map((item: JsonValue) => (typeof item === 'string' ? item : this.#fail(name, 'a list of strings')));
  }

  number(name: string): number {
    const value = this.#object[name];
    return typeof value === 'number' && Number.isFinite(value) ? value : this.#fail(name, 'a number');
  }

  /** Counts, bytes and micro-dollars, whose sums must be exact. */
  integer(name: string): number {
    const value = this.#object[name];
    return typeof value === 'number' && Number.isSafeInteger(value) ? value : this.#fail(name, 'an integer');
  }

  timeMs(name: string): number {
    const value = this.number(name);
    return Math.abs(value) <= MAX_TIME_MS ? value : this.#fail(name, 'a time');
  }

  flag(name: string): boolean {
    const value = this.#object[name];
    return typeof value === 'boolean' ? value : this.#fail(name, 'true or false');
  }

  oneOf<T extends string>(name: string, allowed: readonly T[]): T {
    const value = this.#object[name];
    return allowed.find((item) => item === value) ?? this.#fail(name, `one of ${allowed.join(', ')}`);
  }

  object(name: string): JsonObject {
    const value = this.#object[name];
    return isJsonObject(value) ? value : this.#fail(name, 'an object');
  }

  within(name: string): Fields {
    return new Fields(this.object(name), `${this.#path}${name}.`);
  }

  /** Null for a missing field: older lines do not have newer fields. */
  orNull<K extends 'text' | 'texts' | 'number' | 'integer' | 'timeMs' | 'flag' | 'within'>(
    kind: K,
    name: string,
  ): ReturnType<Fields[K]> | null {
    return (this.#object[name] ?? null) === null ? null : (this[kind](name) as ReturnType<Fields[K]>);
  }

  #fail(name: string, expected: string): never {
    throw new UnreadableField(`\`${this.#path}${name}\` is not ${expected}`);
  }
}
