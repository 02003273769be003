import { seededRandom } from '../test-card/random.ts';
import { FAULT_NAMES, type FaultName, hits, parseFault } from './faults.ts';
import { invalidField, quoteList } from './refusals.ts';
import type { RouteMatch } from './routes.ts';

/** How good or bad the day is. */
export interface ConditionSettings {
  /** The share of calls that meet each fault, 0 to 1, of those that can; with 1 `poll-drop` drops every second look. */
  readonly faults: Readonly<Partial<Record<FaultName, number>>>;
  /** Faults for the very next calls that can meet them, one call each, before any share is drawn. */
  readonly next: readonly FaultName[];
  /** How long every call waits for its answer. */
  readonly latencyMs: number;
  /** With the same seed the same calls fail; null for chance. */
  readonly seed: number | null;
}

export const FAIR_CONDITIONS: ConditionSettings = { faults: {}, next: [], latencyMs: 0, seed: null };

/** What of a call decides which faults it can meet. */
type FaultyRoute = Pick<RouteMatch, 'name' | 'id'>;

/** What goes wrong, how often, and how slow all is; may be changed while the simulator runs. */
export class Conditions {
  readonly #chance: () => number;
  #settings: ConditionSettings;
  #random: () => number;
  #next: FaultName[] = [];
  /** How often each job was looked at, for the fault that breaks every second look. */
  readonly #looks = new Map<string, number>();

  /** `chance` gives numbers from 0 up to 1 where no seed is set. */
  constructor(chance: () => number, settings: Partial<ConditionSettings> = {}) {
    this.#chance = chance;
    this.#random = chance;
    this.#settings = FAIR_CONDITIONS;
    this.change(settings);
  }

  get settings(): ConditionSettings {
    return { ...this.#settings, next: [...this.#next] };
  }

  get latencyMs(): number {
    return this.#settings.latencyMs;
  }

  /** What is left out stays as it is. A seed starts its series anew. */
  change(changes: Partial<ConditionSettings>): void {
    this.#settings = { ...this.#settings, ...changes };
    if (changes.next !== undefined) this.#next = [...changes.next];
    if (changes.seed !== undefined) {
      this.#random = changes.seed === null ? this.#chance : seededRandom(String(changes.seed));
    }
  }

  /** The fault that a call meets: the one that its own header asks for (`none` for none), the next in line, or one by chance. */
  faultFor(route: FaultyRoute, header: string | null): FaultName | null {
    if (header !== null) return asked(header, route);
    const at = this.#next.findIndex((name) => hits(name, route.name));
    if (at !== -1) return this.#next.splice(at, 1)[0] ?? null;
    for (const name of FAULT_NAMES) {
      const share = this.#settings.faults[name] ?? 0;
      if (share > 0 && hits(name, route.name) && this.#draw(name, share, route.id)) return name;
    }
    return null;
  }

  #draw(name: FaultName, share: number, id: string): boolean {
    if (share < 1) return this.#random() < share;
    if (name !== 'poll-drop') return true;
    const looks = (this.#looks.get(id) ?? 0) + 1;
    this.#looks.set(id, looks);
    return looks % 2 === 0;
  }
}

function asked(header: string, route: FaultyRoute): FaultName | null {
  if (header.trim().toLowerCase() === 'none') return null;
  const name = parseFault(header.trim());
  if (name !== null) return hits(name, route.name) ? name : null;
  const message = `Unknown fault: '${header}'. Known faults are: ${quoteList(FAULT_NAMES, 'and')}.`;
  throw invalidField('x-sora-fault', 'invalid_value', message);
}
