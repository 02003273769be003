// Each thing that a person does with a server, done with the built `sora`, and what came of it.
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { sniffMedia } from '../../src/domain/media.ts';
import { createPng, serveFile } from './frame.ts';
import type { Outcome, Result } from './results.ts';
import type { Sora, SoraRun } from './sora.ts';

export const OPERATIONS = [
  'create',
  'image file',
  'image URL',
  'wait',
  'thumbnail',
  'spritesheet',
  'list',
  'status',
  'cancel',
  'delete',
  'failed job',
  'batch',
  'remix',
  'edit',
  'extend',
  'doctor',
] as const;
export type Operation = (typeof OPERATIONS)[number];

/** A server that runs, and what is known of it. */
export interface Target {
  /** Options of every create: what a person has to ask this server for. */
  readonly create: readonly string[];
  /** A create whose job fails; null if the server cannot be made to fail one. */
  readonly failing: { readonly prompt: string; readonly options: readonly string[] } | null;
  /** How long to wait for one video. */
  readonly timeout: string;
  /** Pixels of its videos, for images. */
  readonly width: number;
  readonly height: number;
  /** How many creates, and whether the last one had an image, as the server or what is behind it saw them. */
  seen?(): Promise<{ readonly creates: number; readonly lastHadImage: boolean }>;
  /** Jobs that still run on the server. */
  unfinished?(): Promise<number>;
  /** What the server itself cannot do: the error that `sora` ends with, and why. */
  readonly limits: Readonly<Partial<Record<Operation, readonly [code: string, reason: string]>>>;
}

/** Codes of what `sora` refuses before it pays, or before it asks. */
const REFUSED_BEFORE: ReadonlySet<string> = new Set(['not_supported', 'cannot_cancel', 'usage', 'invalid_request']);

export async function measure(sora: Sora, target: Target): Promise<Record<Operation, Result>> {
  const bench = new Bench(sora, target);
  const results: Partial<Record<Operation, Result>> = {};
  for (const operation of OPERATIONS) {
    try {
      results[operation] = await bench.measure(operation, results);
    } catch (error) {
      if (!(error instanceof Seen)) throw error;
      const [code, reason] = target.limits[operation] ?? [];
      results[operation] =
        code === error.code && reason !== undefined ? { outcome: 'fails', reason, isKnown: true } : error.result;
    }
  }
  return results as Record<Operation, Result>;
}

/** An operation that did not go well. */
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

  measure(operation: Operation, before: Partial<Record<Operation, Result>>): Promise<Result> {
    switch (operation) {
      case 'create':
        return this.#create();
      case 'image file':
        return this.#image('frame.png');
      case 'image URL':
        return this.#imageUrl();
      case 'wait':
        return this.#wait();
      case 'thumbnail':
      case 'spritesheet':
        return this.#variant(operation);
      case 'list':
        return this.#list();
      case 'status':
        return this.#status();
      case 'cancel':
        return this.#cancel();
      case 'delete':
        return this.#delete();
      case 'failed job':
        return this.#failed();
      case 'batch':
        return this.#batch();
      case 'remix':
      case 'edit':
      case 'extend':
        return this.#derive(operation);
      case 'doctor':
        return this.#doctor(before);
    }
  }

  async #create(): Promise<Result> {
    const before = await this.#seen();
    const run = await this.#run(
      'create',
      this.#prompt(),
      ...this.#target.create,
      '-o',
      'create.mp4',
      '--timeout',
      this.#target.timeout,
    );
    this.#finished = String(run.answer.id);
    this.#expectVideo('create.mp4');
    const creates = ((await this.#seen())?.creates ?? 1) - (before?.creates ?? 0);
    if (creates !== 1) throw new Seen('wrong', `${creates} videos were created for one`);
    return OK;
  }

  async #image(image: string): Promise<Result> {
    const { width, height, create, timeout } = this.#target;
    writeFileSync(join(this.#sora.cwd, 'frame.png'), createPng(width, height));
    const name = `image-${++this.#count}.mp4`;
    await this.#run('create', this.#prompt(), ...create, '-i', image, '-o', name, '--timeout', timeout);
    this.#expectVideo(name);
    if ((await this.#seen())?.lastHadImage === false) throw new Seen('wrong', 'the image did not arrive');
    return OK;
  }

  async #imageUrl(): Promise<Result> {
    const frame = await serveFile(createPng(this.#target.width, this.#target.height), 'image/png');
    try {
      return await this.#image(frame.url);
    } finally {
      frame.close();
    }
  }

  async #wait(): Promise<Result> {
    const id = await this.#submit();
    const watched = await this.#run('status', id, '--watch', '--timeout', this.#target.timeout);
    if (watched.answer.status !== 'completed')
      throw new Seen('wrong', `status --watch ended at ${watched.answer.status}`);
    await this.#run('download', id, '-o', 'waited.mp4');
    this.#expectVideo('waited.mp4');
    return OK;
  }

  async #variant(variant: 'thumbnail' | 'spritesheet'): Promise<Result> {
    const run = await this.#run('download', this.#video(), '--variant', variant, '-o', `${variant}/`);
    const [file] = run.answer.files as readonly { path: string; variant: string }[];
    const media = sniffMedia(readFileSync(join(this.#sora.cwd, file?.path ?? '')));
    if (media === null || !['webp', 'jpg', 'jpeg', 'png'].includes(media)) {
      throw new Seen('wrong', `saved ${media ?? 'unknown bytes'} as ${variant}`);
    }
    return OK;
  }

  async #list(): Promise<Result> {
    const run = await this.#run('list');
    if (`${run.stdout}${run.stderr}`.includes('only the local ledger')) {
      return { outcome: 'cannot', reason: 'shown from the local ledger, with a note' };
    }
    const jobs = run.answer.jobs as readonly { id: string }[];
    return jobs.some(({ id }) => id === this.#video())
      ? OK
      : { outcome: 'wrong', reason: 'a finished video is missing' };
  }

  async #status(): Promise<Result> {
    const { answer } = await this.#run('status', this.#video());
    return answer.id === this.#video() && answer.status === 'completed'
      ? OK
      : { outcome: 'wrong', reason: `status ${answer.status}` };
  }

  async #cancel(): Promise<Result> {
    const id = await this.#submit();
    const { answer } = await this.#run('cancel', id);
    if (answer.outcome !== 'aborted' && answer.outcome !== 'deleted') {
      throw new Seen('wrong', `the outcome is ${answer.outcome}`);
    }
    return OK;
  }

  async #delete(): Promise<Result> {
    const id = String(
      (
        await this.#run(
          'create',
          this.#prompt(),
          ...this.#target.create,
          '--no-download',
          '--timeout',
          this.#target.timeout,
        )
      ).answer.id,
    );
    await this.#run('delete', id, '--yes');
    return OK;
  }

  async #failed(): Promise<Result> {
    const { failing, timeout } = this.#target;
    if (failing === null) return { outcome: 'skipped', reason: 'the server cannot be made to fail a job' };
    const run = await this.#sora.run(
      'create',
      failing.prompt,
      ...failing.options,
      '--timeout',
      timeout,
      '--profile',
      'lab',
    );
    if (run.code === 5 && run.error?.code === 'job_failed') return OK;
    return { outcome: 'wrong', reason: `a failed job ends with exit ${run.code}, ${run.error?.code}` };
  }

  async #batch(): Promise<Result> {
    const rows = [1, 2].map((row) => JSON.stringify({ id: `row-${row}`, prompt: this.#prompt() }));
    writeFileSync(join(this.#sora.cwd, 'shots.jsonl'), rows.join('\n'));
    await this.#run(
      'batch',
      'shots.jsonl',
      ...this.#target.create,
      '--yes',
      '--timeout',
      this.#target.timeout,
      '-o',
      'clips',
    );
    const saved = readdirSync(join(this.#sora.cwd, 'clips')).filter((name) => name.endsWith('.mp4'));
    if (saved.length !== rows.length) throw new Seen('wrong', `${saved.length} of ${rows.length} rows were saved`);
    return OK;
  }

  async #derive(operation: 'remix' | 'edit' | 'extend'): Promise<Result> {
    const name = `${operation}.mp4`;
    await this.#run(operation, this.#video(), this.#prompt(), '-o', name, '--timeout', this.#target.timeout);
    this.#expectVideo(name);
    return OK;
  }

  /** The plain checks pass, and what `--server` finds out is what was measured here. */
  async #doctor(before: Partial<Record<Operation, Result>>): Promise<Result> {
    const running = await this.#target.unfinished?.();
    await this.#run('doctor');
    const { answer } = await this.#run('doctor', '--server', '--yes');
    const measured = {
      list: 'list',
      delete: 'delete',
      cancel: 'cancel',
      thumbnail: 'thumbnail',
      spritesheet: 'spritesheet',
      remix: 'remix',
      edit: 'edit',
      extend: 'extend',
    } as const;
    for (const [ability, operation] of Object.entries(measured)) {
      const outcome = before[operation]?.outcome;
      const said = answer[ability];
      if (said === 'unknown' || outcome === undefined || outcome === 'skipped') continue;
      if ((said === 'yes') !== (outcome === 'ok')) {
        throw new Seen('wrong', `doctor --server says ${ability}: ${said}, but ${operation} is ${outcome}`);
      }
    }
    const left = ((await this.#target.unfinished?.()) ?? 0) - (running ?? 0);
    if (left > 0) throw new Seen('wrong', `doctor --server leaves ${left} jobs running`);
    return OK;
  }

  async #submit(): Promise<string> {
    const run = await this.#run('create', this.#prompt(), ...this.#target.create, '--detach');
    return String(run.answer.id);
  }

  async #seen(): Promise<{ readonly creates: number; readonly lastHadImage: boolean } | undefined> {
    return this.#target.seen?.();
  }

  /** Throws what came of it where that is not success. */
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
      throw new Seen('wrong', 'what was saved is no video');
    }
  }

  #video(): string {
    if (this.#finished === null) throw new Seen('skipped', 'no finished video');
    return this.#finished;
  }

  /** Never the same twice: an equal request would join the first one. */
  #prompt(): string {
    return `a paper boat on a canal, take ${++this.#count}`;
  }
}

/** What a failed run said, in one line; of `doctor` the checks that fail. */
function wordsOf({ error, answer, stderr }: SoraRun): string {
  const checks = (answer.checks ?? []) as readonly { status: string; title: string; detail: string }[];
  const failed = checks.flatMap(({ status, title, detail }) => (status === 'fail' ? [`${title}: ${detail}`] : []));
  const words = [error?.message, ...(error?.violations ?? []), error?.caused_by, ...failed].filter(Boolean).join(': ');
  return (words || stderr.slice(-160)).replace(/[^\x21-\x7e\u2019]+|\|/g, ' ').slice(0, 160);
}
