import type { Context } from '../../app/context.ts';
import { type BatchListener, isLeft, type RowResult } from '../../batch/batch-order.ts';
import type { BatchRow } from '../../batch/batch-row.ts';
import type { BatchPlan, PlannedRow } from '../../batch/plan.ts';
import { sourceFailed } from '../../batch/row-failure.ts';
import type { BatchCount, BatchEntry, RowState } from '../../domain/batch.ts';
import type { SoraError } from '../../domain/errors.ts';
import { NOTHING_SPENT, plus, type Tally, tallyOf } from '../../domain/money.ts';
import { SIMULATOR_PROFILE } from '../../domain/profile-names.ts';
import { summarize } from '../../domain/summary.ts';
import type { WaitEvent } from '../../jobs/wait.ts';
import { type BoardState, boardLines, entryJson, entryLine, type RowActivity } from '../../output/batch-view.ts';
import { type Board, SILENT_BOARD } from '../../output/board.ts';

type ProgressDeps = Pick<Context, 'host' | 'output' | 'configuration'>;

interface ProgressOptions {
  /** Whether rows go to standard output as they end. */
  readonly printsRows: boolean;
  readonly onEntry?: (entry: BatchEntry) => Promise<void>;
}

/** Counts the outcomes of a batch’s rows and shows them: a board on a terminal, a line per row elsewhere. */
export class BatchProgress implements BatchListener {
  readonly #deps: ProgressDeps;
  readonly #profile: string;
  readonly #startedMs: number;
  readonly #running = new Map<string, RowActivity>();
  readonly #plan: BatchPlan;
  readonly #ended = new Map<string, BatchEntry>();
  readonly #options: ProgressOptions;
  #spent: Tally;
  #pause: BoardState['pause'] = null;
  #reportedUntilMs = 0;
  #board: Board = SILENT_BOARD;

  constructor(plan: BatchPlan, options: ProgressOptions, deps: ProgressDeps) {
    this.#deps = deps;
    this.#options = options;
    this.#profile = deps.configuration.profile.value;
    this.#startedMs = deps.host.clock.now();
    this.#spent = plan.spent;
    this.#plan = plan;
  }

  /** Reports the rows that ended in earlier runs, and starts to show the others. */
  async start(selected: readonly PlannedRow[]): Promise<void> {
    const { output, host } = this.#deps;
    const isSelected = new Set(selected.map(({ row }) => row.ref.key));
    for (const planned of this.#plan.rows) {
      const isOver = planned.state === 'done' || planned.state === 'failed';
      if (isOver && !isSelected.has(planned.row.ref.key)) this.#print(plannedEntry(planned, this.#profile));
    }
    this.#board = await output.board(host.clock, (room, columns, glyphs) =>
      boardLines(this.#state(), host.clock.now(), { room, columns, glyphs }),
    );
  }

  stop(): Promise<void> {
    return this.#board.stop();
  }

  /** In the order of the manifest. */
  *entries(): Generator<BatchEntry> {
    for (const planned of this.#plan.rows) {
      const entry = this.#ended.get(planned.row.ref.key) ?? plannedEntry(planned, this.#profile);
      yield { ...entry, outcome: this.#outcomeOf(planned) };
    }
  }

  get count(): BatchCount {
    return countRows(this.#plan.rows, this.#spent, (planned) => this.#outcomeOf(planned));
  }

  /** Rows whose time ended before they were sent. */
  get unsent(): number {
    return [...this.#ended.values()].filter(({ outcome }) => outcome === 'to_do').length;
  }

  #outcomeOf({ row, state }: PlannedRow): RowState {
    const { key } = row.ref;
    return this.#ended.get(key)?.outcome ?? (this.#running.has(key) ? 'running' : state);
  }

  onSubmit(row: BatchRow, isPaid: boolean): void {
    if (isPaid && !this.#deps.configuration.isSimulator) {
      this.#spent = plus(this.#spent, tallyOf(row.estimate?.micros ?? null));
    }
    this.#pause = null;
    const startedMs = this.#deps.host.clock.now();
    this.#running.set(row.ref.key, { name: nameOf(row), startedMs, what: 'queued', progress: null });
  }

  onWait(row: BatchRow, event: WaitEvent): void {
    const activity = this.#running.get(row.ref.key);
    if (activity === undefined || event.kind !== 'job') return;
    const { status, progress } = event.job;
    Object.assign(activity, { what: status.replace('_', ' '), progress: status === 'completed' ? 100 : progress });
  }

  onSave(row: BatchRow): void {
    const activity = this.#running.get(row.ref.key);
    if (activity !== undefined) Object.assign(activity, { what: 'saving', progress: 100 });
  }

  onPause({ message }: SoraError, pauseMs: number): void {
    const nowMs = this.#deps.host.clock.now();
    const isReported = this.#reportedUntilMs > nowMs; // one wait for all refused rows
    this.#pause = { reason: message, untilMs: nowMs + pauseMs };
    if (this.#board.isVisible || isReported) return;
    this.#reportedUntilMs = nowMs + pauseMs;
    this.#deps.output.news(`${message}; resuming in ${Math.ceil(pauseMs / 1000)} s`);
  }

  async onEnd({ row, outcome, record, job, files, error }: RowResult): Promise<void> {
    const summary = {
      ...summarize(this.#profile, record ?? undefined, job),
      ...(error !== null || files.length > 0 ? { files } : {}),
    };
    const { id, line } = row;
    const entry: BatchEntry = { id, line, outcome, summary, error };
    this.#running.delete(row.ref.key);
    this.#ended.set(row.ref.key, entry);
    if (isLeft(outcome)) return;
    this.#print(entry);
    await this.#options.onEntry?.(entry);
  }

  #print(entry: BatchEntry): void {
    const { output, host } = this.#deps;
    if (this.#options.printsRows) output.part({ data: entryJson(entry), line: entryLine(entry, host.cwd) });
  }

  #state(): BoardState {
    const [startedMs, ended, pause] = [this.#startedMs, this.#ended.size, this.#pause];
    return { running: [...this.#running.values()], count: this.count, startedMs, ended, pause };
  }
}

export function plannedEntry({ row, state, record }: PlannedRow, profile: string): BatchEntry {
  const { id, line, request, facts, estimate } = row;
  const { prompt, source } = request;
  const { model, seconds, size } = facts ?? request;
  const known = summarize(profile, record ?? undefined, null);
  const remixedFrom = source?.video.kind === 'id' ? source.video.id : null;
  // For a row without a submission, only its request is known.
  const price = { estimatedMicros: estimate?.micros ?? null, priceList: estimate?.priceList ?? null };
  const asked = { prompt, model, seconds, size, remixedFrom, ...price, free: profile === SIMULATOR_PROFILE };
  const summary = record === null ? { ...known, ...asked } : known;
  const error = state === 'failed' && record === null ? sourceFailed(row) : null;
  return { id, line, outcome: state, summary, error };
}

/** Counts rows by state: the planned one, unless `outcomeOf` says otherwise. */
export function countRows(
  rows: Iterable<PlannedRow>,
  spent: Tally,
  outcomeOf: (planned: PlannedRow) => RowState = ({ state }) => state,
): BatchCount {
  const count = { rows: 0, done: 0, failed: 0, running: 0, unknown: 0, toDo: 0, toSpend: NOTHING_SPENT };
  for (const planned of rows) {
    const outcome = outcomeOf(planned);
    count.rows += 1;
    if (outcome === 'done') count.done += 1;
    else if (outcome === 'failed') count.failed += 1;
    else if (outcome === 'unknown') count.unknown += 1;
    else if (outcome !== 'to_do') count.running += 1;
    else {
      count.toDo += 1;
      count.toSpend = plus(count.toSpend, tallyOf(planned.row.estimate?.micros ?? null));
    }
  }
  return { ...count, spent };
}

function nameOf({ id, line, request }: BatchRow): string {
  return id ?? request.prompt ?? `line ${line}`;
}
