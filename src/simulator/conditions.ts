import { createHash } from 'node:crypto';
import { invalidField, quoteList } from './api-error.ts';
import { appliesTo, FAULT_NAMES, type FaultName, parseFault } from './faults.ts';
import type { RouteMatch } from './routes.ts';

export interface ConditionSettings {
  /** For each fault the share, 0 to 1, of the calls it applies to that fail; at 1 `poll-drop` drops every second poll. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  /** Faults for the next calls they apply to, one call each; they take precedence over the shares. */
  readonly next: readonly FaultName[];
  /** Delay before every reply. */
  readonly latencyMs: number;
  /** The same seed fails the same calls; null for true randomness. */
  readonly seed: number | null;
}

/** More polled jobs than these are forgotten, so that a long-lived server stays small. */
const MOST_POLLED = 10_000;

/** Which calls fail and how slowly all are answered; can be changed while the simulator runs. */
export class Conditions {
  readonly #chance: () => number;
  #settings: ConditionSettings = { faults: {}, next: [], latencyMs: 0, seed: null };
  #random: () => number;
  #next: FaultName[] = [];
  /** Jobs whose next poll is dropped, for the fault that drops every second one. */
  readonly #polled = new Set<string>();

  /** `chance` returns numbers from 0 up to 1; it is used while no seed is set. */
  constructor(chance: () => number, settings: Partial<ConditionSettings> = {}) {
    this.#chance = chance;
    this.#random = chance;
    this.change(settings);
  }

  get settings(): ConditionSettings {
    return { ...this.#settings, next: [...this.#next] };
  }

  get latencyMs(): number {
    return this.#settings.latencyMs;
  }

  /** Settings that are left out keep their value. Setting a seed restarts its sequence. */
  change(changes: Partial<ConditionSettings>): void {
    this.#settings = { ...this.#settings, ...changes };
    if (changes.next !== undefined) this.#next = [...changes.next];
    if (changes.seed !== undefined) {
      this.#random = changes.seed === null ? this.#chance : hashedRandom(String(changes.seed));
    }
  }

  /** The fault for a call: the one its header names (`none` for none), the next in the queue, or one by chance. */
  faultFor(route: RouteMatch, header: string | null): FaultName | null {
    if (header !== null) return requestedFault(header, route);
    const at = this.#next.findIndex((name) => appliesTo(name, route.name));
    if (at !== -1) return this.#next.splice(at, 1)[0] ?? null;
    for (const name of FAULT_NAMES) {
      const share = this.#settings.faults[name] ?? 0;
      if (share > 0 && appliesTo(name, route.name) && this.#draw(name, share, route.id)) return name;
    }
    return null;
  }

  #draw(name: FaultName, share: number, id: string): boolean {
    if (share < 1) return this.#random() < share;
    if (name !== 'poll-drop') return true;
    if (this.#polled.delete(id)) return true;
    if (this.#polled.size === MOST_POLLED) this.#polled.clear();
    this.#polled.add(id);
    return false;
  }
}

function requestedFault(header: string, route: RouteMatch): FaultName | null {
  if (header.trim().toLowerCase() === 'none') return null;
  const name = parseFault(header.trim());
  if (name !== null) return appliesTo(name, route.name) ? name : null;
  const message = `Unknown fault: '${header}'. Known faults are: ${quoteList(FAULT_NAMES, 'and')}.`;
  throw invalidField('x-sora-fault', 'invalid_value', message);
}

/** A repeatable source of numbers from 0 up to 1. */
export function hashedRandom(seed: string): () => number {
  let draws = 0;
  return () => createHash('sha256').update(`${draws++}:${seed}`).digest().readUInt32BE() / 2 ** 32;
}
