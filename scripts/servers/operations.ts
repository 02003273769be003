// Performs each operation on a server with the built `sora`, and reports its outcome.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sniffMedia } from '../../src/domain/media.ts';
import { createPng, serveFile } from './frame.ts';
import type { Outcome, Result } from './results.ts';
import type { Sora, SoraRun } from './sora.ts';

type Results = Partial<Record<string, Result>>;

/** A running server, and what is known about it. */
export interface Target {
  /** The options that this server requires for every create. */
  readonly create: readonly string[];
  /** A create whose job fails; null if the server cannot be made to fail one. */
  readonly failing: { readonly prompt: string; readonly options: readonly string[] } | null;
  /** The maximum wait for one video. */
  readonly timeout: string;
  /** The size of its videos in pixels, for images. */
  readonly width: number;
  readonly height: number;
  /** The number of creates, and whether the last one had an image, as received by the server or its upstream. */
  seen?(): Promise<{ readonly creates: number; readonly lastHadImage: boolean }>;
  /** How many jobs are still running on the server. */
  unfinished?(): Promise<number>;
  /** What the server itself cannot do: the error code of `sora`, and the reason. */
  readonly limits: Readonly<Partial<Record<Operation, readonly [code: string, reason: string]>>>;
}

/** Codes with which `sora` refuses before it pays or sends anything. */
const REFUSED_BEFORE: ReadonlySet<string> = new Set(['not_supported', 'cannot_cancel', 'usage', 'invalid_request']);

export async function measure(sora: Sora, target: Target): Promise<Record<Operation, Result>> {
  const bench = new Bench(sora, target);
  const results: Results = {};
  for (const operation of OPERATIONS) {
    try {
      results[operation] = await MEASURES[operation](bench, results);
    } catch (error) {
      if (!(error instanceof Seen)) throw error;
      const [code, reason] = target.limits[operation] ?? [];
      results[operation] =
        code === error.code && reason !== undefined ? { outcome: 'fails', reason, isKnown: true } : error.result;
    }
  }
  return results as Record<Operation, Result>;
}

/** The outcome of an operation that failed. */
class Seen extends Error {
  readonly result: Result;
  readonly code: string | undefined;

  constructor(outcome: Outcome, reason: string, code?: string) {
    super(reason);
    this.result = { outcome, reason };
    this.code = code;
  }
}

const OK: Result = { outcome: 'ok' };
/** What `doctor --server` checks, by its names. */
const ABILITIES = ['list', 'delete', 'cancel', 'thumbnail', 'spritesheet', 'remix', 'edit', 'extend'] as const;

class Bench {
  readonly #sora: Sora;
  readonly #target: Target;
  /** A finished video of the server. */
  #finished: string | null = null;
  #count = 0;

  constructor(sora: Sora, target: Target) {
    this.#sora = sora;
    this.#target = target;
  }

  async create(): Promise<Result> {
    const before = await this.#target.seen?.();
    const run = await this.#createVideo('-o', 'create.mp4');
    this.#finished = String(run.answer.id);
    this.#expectVideo('create.mp4');
    const creates = ((await this.#target.seen?.())?.creates ?? 1) - (before?.creates ?? 0);
    if (creates !== 1) throw new Seen('wrong', `${creates} videos were created instead of one`);
    return OK;
  }

  async image(image: string): Promise<Result> {
    const { width, height } = this.#target;
    writeFileSync(join(this.#sora.cwd, 'frame.png'), createPng(width, height));
    const name = `image-${++this.#count}.mp4`;
    await this.#createVideo('-i', image, '-o', name);
    this.#expectVideo(name);
    if ((await this.#target.seen?.())?.lastHadImage === false) throw new Seen('wrong', 'the image did not arrive');
    return OK;
  }

  async imageUrl(): Promise<Result> {
    const frame = await serveFile(createPng(this.#target.width, this.#target.height), 'image/png');
    try {
      return await this.image(frame.url);
    } finally {
      frame.close();
    }
  }

  async wait(): Promise<Result> {
    const id = await this.#submit();
    const watched = await this.#run('status', id, '--watch', '--timeout', this.#target.timeout);
    if (watched.answer.status !== 'completed')
      throw new Seen('wrong', `status --watch ended at ${watched.answer.status}`);
    await this.#run('download', id, '-o', 'waited.mp4');
    this.#expectVideo('waited.mp4');
    return OK;
  }

  async variant(variant: 'thumbnail' | 'spritesheet'): Promise<Result> {
    const run = await this.#run('download', this.#video(), '--variant', variant, '-o', `${variant}/`);
    const [file] = run.answer.files as readonly { path: string; variant: string }[];
    const media = sniffMedia(readFileSync(join(this.#sora.cwd, file?.path ?? '')));
    if (media === null || !['webp', 'jpg', 'jpeg', 'png'].includes(media)) {
      throw new Seen('wrong', `saved ${media ?? 'unknown bytes'} as ${variant}`);
    }
    return OK;
  }

  async list(): Promise<Result> {
    const run = await this.#run('list');
    if (`${run.stdout}${run.stderr}`.includes('only the local ledger')) {
      return { outcome: 'cannot', reason: 'shown from the local ledger, with a note' };
    }
    const jobs = run.answer.jobs as readonly { id: string }[];
    return jobs.some(({ id }) => id === this.#video())
      ? OK
      : { outcome: 'wrong', reason: 'a finished video is missing' };
  }

  async status(): Promise<Result> {
    const { answer } = await this.#run('status', this.#video());
    return answer.id === this.#video() && answer.status === 'completed'
      ? OK
      : { outcome: 'wrong', reason: `status ${answer.status}` };
  }

  async cancel(): Promise<Result> {
    const id = await this.#submit();
    const { answer } = await this.#run('cancel', id);
    if (answer.outcome !== 'aborted' && answer.outcome !== 'deleted') {
      throw new Seen('wrong', `the outcome is ${answer.outcome}`);
    }
    return OK;
  }

  async delete(): Promise<Result> {
    const { answer } = await this.#createVideo('--no-download');
    await this.#run('delete', String(answer.id), '--yes');
    return OK;
  }

  async failed(): Promise<Result> {
    const { failing, timeout } = this.#target;
    if (failing === null) return { outcome: 'skipped', reason: 'the server cannot be made to fail a job' };
    const create = ['create', failing.prompt, ...failing.options, '--timeout', timeout];
    const run = await this.#sora.run(...create, '--profile', 'lab');
    if (run.code === 5 && run.error?.code === 'job_failed') return OK;
    return { outcome: 'wrong', reason: `a failed job ends with exit ${run.code}, ${run.error?.code}` };
  }

  async batch(): Promise<Result> {
    const rows = [1, 2].map((row) => JSON.stringify({ id: `row-${row}`, prompt: this.#prompt() }));
    writeFileSync(join(this.#sora.cwd, 'shots.jsonl'), rows.join('\n'));
    const { create, timeout } = this.#target;
    await this.#run('batch', 'shots.jsonl', ...create, '--yes', '--timeout', timeout, '-o', 'clips');
    const saved = readdirSync(join(this.#sora.cwd, 'clips')).filter((name) => name.endsWith('.mp4'));
    if (saved.length !== rows.length) throw new Seen('wrong', `${saved.length} of ${rows.length} rows were saved`);
    return OK;
  }

  async derive(operation: 'remix' | 'edit' | 'extend'): Promise<Result> {
    const name = `${operation}.mp4`;
    await this.#run(operation, this.#video(), this.#prompt(), '-o', name, '--timeout', this.#target.timeout);
    this.#expectVideo(name);
    return OK;
  }

  /** The plain checks pass, and `--server` reports what was measured here. */
  async doctor(before: Results): Promise<Result> {
    const running = await this.#target.unfinished?.();
    await this.#run('doctor');
    const { answer } = await this.#run('doctor', '--server', '--yes');
    for (const ability of ABILITIES) {
      const outcome = before[ability]?.outcome;
      const said = answer[ability];
      if (said === 'unknown' || outcome === undefined || outcome === 'skipped') continue;
      if ((said === 'yes') !== (outcome === 'ok')) {
        throw new Seen('wrong', `doctor --server says ${ability}: ${said}, but it is ${outcome}`);
      }
    }
    const left = ((await this.#target.unfinished?.()) ?? 0) - (running ?? 0);
    if (left > 0) throw new Seen('wrong', `doctor --server leaves ${left} jobs running`);
    return OK;
  }

  /** Creates a video and waits for it. */
  #createVideo(...options: readonly string[]): Promise<SoraRun> {
    const { create, timeout } = this.#target;
    return this.#run('create', this.#prompt(), ...create, ...options, '--timeout', timeout);
  }

  async #submit(): Promise<string> {
    const run = await this.#run('create', this.#prompt(), ...this.#target.create, '--detach');
    return String(run.answer.id);
  }

  /** Throws `Seen` unless the command succeeds. */
  async #run(...argv: readonly string[]): Promise<SoraRun> {
    const run = await this.#sora.run(...argv, '--profile', 'lab');
    if (run.code === 0) return run;
    const code = run.error?.code ?? `exit ${run.code}`;
    const isBefore = REFUSED_BEFORE.has(code) && run.creates === 0;
    throw new Seen(isBefore ? 'cannot' : 'fails', `${code}: ${wordsOf(run)}`, code);
  }

  #expectVideo(name: string): void {
    const path = join(this.#sora.cwd, name);
    if (statSync(path).size < 1_000 || sniffMedia(readFileSync(path)) !== 'mp4') {
      throw new Seen('wrong', 'the saved file is not a video');
    }
  }

  #video(): string {
    if (this.#finished === null) throw new Seen('skipped', 'no finished video');
    return this.#finished;
  }

  /** A new prompt each time: an equal request would attach to the first one. */
  #prompt(): string {
    return `a paper boat on a canal, take ${++this.#count}`;
  }
}

/** How each operation is measured, in this order; `before` has the earlier results. */
const MEASURES = {
  create: (bench: Bench) => bench.create(),
  'image file': (bench: Bench) => bench.image('frame.png'),
  'image URL': (bench: Bench) => bench.imageUrl(),
  wait: (bench: Bench) => bench.wait(),
  thumbnail: (bench: Bench) => bench.variant('thumbnail'),
  spritesheet: (bench: Bench) => bench.variant('spritesheet'),
  list: (bench: Bench) => bench.list(),
  status: (bench: Bench) => bench.status(),
  cancel: (bench: Bench) => bench.cancel(),
  delete: (bench: Bench) => bench.delete(),
  'failed job': (bench: Bench) => bench.failed(),
  batch: (bench: Bench) => bench.batch(),
  remix: (bench: Bench) => bench.derive('remix'),
  edit: (bench: Bench) => bench.derive('edit'),
  extend: (bench: Bench) => bench.derive('extend'),
  doctor: (bench: Bench, before: Results) => bench.doctor(before),
};
export type Operation = keyof typeof MEASURES;
const OPERATIONS = Object.keys(MEASURES) as Operation[];

/** The error of a failed run in one line, with the failed checks of `doctor`. */
function wordsOf({ error, answer, stderr }: SoraRun): string {
  const checks = (answer.checks ?? []) as readonly { status: string; title: string; detail: string }[];
  const failed = checks.flatMap(({ status, title, detail }) => (status === 'fail' ? [`${title}: ${detail}`] : []));
  const words = [error?.message, ...(error?.violations ?? []), error?.caused_by, ...failed].filter(Boolean).join(': ');
  return (words || stderr.slice(-160)).replace(/[^\x21-\x7e\u2019]+|\|/g, ' ').slice(0, 160);
}
