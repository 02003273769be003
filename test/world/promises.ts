import { createHash } from 'node:crypto';
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { CommandLine } from '../support/command-line.ts';
import { type Command, PROMPTS, type Production, type World } from './description.ts';
import {
  isSameRequest,
  otherIdOf,
  type Payment,
  type Run,
  STRANGER,
  type WorldJob,
  type WorldServer,
} from './world-server.ts';

interface LedgerLine {
  readonly event: string;
  readonly key: string;
  readonly job?: { readonly id: string; readonly status: string };
  readonly request?: { readonly prompt: string; readonly source?: { readonly operation: string } };
  readonly file?: { readonly path: string };
}

export interface ShownJob {
  readonly id: string | null;
  readonly status: string;
  readonly submission: string | null;
}

/** Watches a world for violations of the promises of `sora`. It reads the ledger on its own. */
export class Promises {
  readonly violations: string[] = [];
  /** Everything shown to users. */
  screen = '';
  /** Submissions that a user has abandoned, although they may have created a video. */
  readonly #released = new Set<string>();
  readonly #world: World;
  readonly #sora: CommandLine;
  readonly #server: WorldServer;

  constructor(world: World, sora: CommandLine, server: WorldServer) {
    this.#world = world;
    this.#sora = sora;
    this.#server = server;
  }

  /** A user abandons a submission. */
  release(key: string): void {
    this.#released.add(key);
  }

  /** A user abandons all server-side batches submitted so far. */
  releaseBatches(): void {
    for (const { key, request } of this.#lines()) if (request?.source?.operation === 'batch') this.release(key);
  }

  /** A user abandons everything submitted for these prompts so far. */
  releaseAll(prompts: readonly string[]): void {
    const isTheirs = ({ prompt }: { readonly prompt: string }): boolean =>
      prompts.includes(prompt) || prompt.startsWith('a request of batch_'); // the result of a row that was missing then
    for (const { key, request } of this.#lines()) if (request && isTheirs(request)) this.release(key);
  }

  /** Promise 1: no request is paid for twice without a user's consent. Called when a create arrives. */
  checkPayment({ by, key, request }: Payment): void {
    if (this.#released.has(key)) return; // it was in transit when it was abandoned
    const copies = productionOf(by.command)?.count ?? 1;
    const earlier = this.#server.payments.filter(
      (payment) => isSameRequest(payment.request, request) && !payment.isCertain,
    );
    const open = earlier.filter((payment) => this.#counts(payment, by, key) && !this.#isSettled(payment, by, key));
    if (open.length < copies) return;
    for (const { fault, job } of open)
      this.violations.push(
        `"${request.prompt}" was sent again by ${describe(by)}; before, it came to "${fault}", job ${job?.id}`,
      );
  }

  /** Whether a payment forbids another one, unless it is settled. With a user's consent, only its own copies do. */
  #counts(payment: Payment, by: Run, next: string): boolean {
    if (isAgain(by)) return payment.by === by;
    return !isAgain(payment.by) || this.#isLater(next, payment.key);
  }

  /** Whether a submission was decided after another one, whichever arrived first. */
  #isLater(key: string, other: string): boolean {
    const intents = this.#lines().flatMap((line) => (line.event === 'intent' ? [line.key] : []));
    return intents.indexOf(key) > intents.indexOf(other);
  }

  /** Whether a process may pay for its request again, with the submission `next`. */
  #isSettled(payment: Payment, by: Run, next: string): boolean {
    const { job } = payment;
    if (this.#isReleased(payment)) return true;
    if (job === null) return this.#world.isComplete && payment.request.source?.operation !== 'character';
    const lines = this.#linesOf(recordKeyOf(payment));
    const status = lines.findLast((line) => line.job)?.job?.status;
    if (job.isRemoved) return true;
    if (status === undefined) return false;
    const isSaved =
      lines.some(({ event }) => event === 'saved') || this.#saved().some((bytes) => bytes.includes(job.id));
    if (productionOf(by.command) !== null) return status === 'completed' ? isSaved : isTerminal(status);
    const retries = by.command.run === 'batch' && /^--retr(ies|y-failed)/.test(by.command.option);
    return status !== 'completed' && isTerminal(status) && (retries || this.#isSuperseded(payment, next));
  }

  /** Whether a user has abandoned it: a request of a batch only while its result is missing. */
  #isReleased({ key, inBatch }: Payment): boolean {
    if (inBatch === null) return this.#released.has(key);
    const hasResult = this.#linesOf(inBatch.recordKey).some(({ event }) => event === 'accepted');
    return this.#released.has(inBatch.recordKey) || (this.#released.has(key) && !hasResult);
  }

  /** Whether a row had another submission since, which was judged separately. */
  #isSuperseded(payment: Payment, next: string): boolean {
    const { prompt } = payment.request;
    const keys = this.#lines().flatMap((line) => (line.request?.prompt === prompt ? [line.key] : []));
    return keys.slice(keys.indexOf(recordKeyOf(payment)) + 1).some((later) => later !== next);
  }

  /** Promise 2: the id of a paid job is in the ledger or on the screen, or its submission is shown as unknown. */
  checkJobs(shown: readonly ShownJob[]): void {
    for (const payment of this.#server.payments) {
      const { job } = payment;
      if (job === null || this.#isReleased(payment) || this.#isKnown(job)) continue;
      if (this.#isInOpenBatch(payment, shown) || (payment.inBatch && job.isRemoved)) continue;
      const key = recordKeyOf(payment);
      const listed = shown.find(({ submission }) => submission === key);
      const theirs = this.#server.jobOf(listed?.id ?? '');
      if (listed?.status === 'unknown' || this.#isLikeIt(theirs, payment)) continue;
      if (theirs !== undefined && this.#isSwapped(theirs, payment, shown)) continue;
      this.violations.push(
        `the paid job ${job.id} of ${key} is known nowhere; it is shown as ${JSON.stringify(listed)}`,
      );
    }
    this.#checkOwners(shown);
  }

  /** Whether its batch is known and its results are not recorded yet, or it is shown as unknown itself. */
  #isInOpenBatch({ key, inBatch }: Payment, shown: readonly ShownJob[]): boolean {
    if (inBatch === null || inBatch.batch === null) return false;
    if (this.#linesOf(key).some(({ event }) => event === 'removed')) return false;
    const isUnknown = shown.some(({ submission, status }) => submission === key && status === 'unknown');
    return isUnknown || this.#isKnown(inBatch.batch);
  }

  /** Whether another user's job has the same prompt and came after the create, so that it cannot be distinguished. */
  #isLikeIt(job: WorldJob | undefined, payment: Payment): boolean {
    return job?.key === STRANGER && job.request.prompt === payment.request.prompt && !isOlder(job, payment);
  }

  /** Whether a submission has the job of an equal one, which is still being searched for and gets this one's. */
  #isSwapped({ key }: WorldJob, { request }: Payment, shown: readonly ShownJob[]): boolean {
    const isUnknown = shown.some(({ submission, status }) => submission === key && status === 'unknown');
    return (
      isUnknown && this.#server.payments.some((other) => other.key === key && isSameRequest(other.request, request))
    );
  }

  /** The same at once, for replies that arrived at a process that was not killed. */
  checkAnswers(run: Run): void {
    for (const { by, fault, job, inBatch } of this.#server.payments)
      if (by === run && fault === 'none' && job !== null && !this.#isKnown(inBatch?.batch ?? job))
        this.violations.push(`${describe(run)} got ${job.id} and ended without reporting it`);
  }

  /** No submission gets the job of another one. */
  #checkOwners(shown: readonly ShownJob[]): void {
    const owned = shown.flatMap(({ id, submission }) => {
      const job = this.#server.jobOf(id ?? '');
      return job === undefined || submission === null ? [] : [{ job, submission }];
    });
    for (const { job, submission } of owned) {
      const payment = this.#server.payments.findLast((each) => recordKeyOf(each) === submission);
      if (!this.#isOwn(job, submission, payment))
        this.violations.push(`${submission} was taken for ${job.id}, which is the job of ${job.key}`);
      if (owned.some((other) => other.job === job && other.submission !== submission))
        this.violations.push(`two submissions were taken for the one job ${job.id}`);
    }
  }

  #isOwn(job: WorldJob, submission: string, payment: Payment | undefined): boolean {
    if (job.kind === 'batch') return job.key === submission; // batches are never equal
    if (payment === undefined) return true;
    const isAlike = isSameRequest(job.request, payment.request) || this.#isLikeIt(job, payment);
    return isAlike && !isOlder(job, payment);
  }

  /** A batch that succeeds has saved a video of each row. */
  checkBatch(run: Run, prompts: readonly string[]): void {
    const saved = this.#saved();
    for (const prompt of prompts) {
      const jobs = this.#server.jobs.filter(({ request }) => request.prompt === prompt && request.source === null);
      if (!saved.some((bytes) => jobs.some(({ id }) => bytes.includes(`[job ${id}]`))))
        this.violations.push(`${describe(run)} ended well, without a video of "${prompt}"`);
    }
  }

  /** Promise 3: every file under its final name is complete and the right one. */
  checkFiles(): void {
    for (const name of this.#fileNames()) {
      const bytes = readFileSync(join(this.#sora.cwd, name));
      const job = this.#server.jobs.find(({ id }) => bytes.includes(`[job ${id}]`));
      if (job === undefined || !bytes.equals(this.#server.clipOf(job))) this.violations.push(`${name} is not whole`);
      else if (!isNamedAfter(name, job)) this.violations.push(`${name} holds the video of ${job.id}`);
    }
    for (const { key, file } of this.#lines()) {
      if (file === undefined || !existsSync(file.path)) continue;
      if (!this.#server.jobs.some((job) => readFileSync(file.path).equals(this.#server.clipOf(job))))
        this.violations.push(`${file.path} is not whole`);
      const job = this.#server.payments.find((payment) => recordKeyOf(payment) === key)?.job;
      if (job && !readFileSync(file.path).includes(`[job ${job.id}]`) && !this.#isAdopted(key, job))
        this.violations.push(`${key} was saved to ${file.path}, which is not the video of ${job.id}`);
    }
  }

  /** Of equal requests, one may have the video of the other; `#checkOwners` covers that. */
  #isAdopted(key: string, job: WorldJob): boolean {
    return this.#linesOf(key).some((line) => line.job && this.#server.jobOf(line.job.id) !== job);
  }

  #isKnown(job: WorldJob): boolean {
    const known = this.screen + this.#ledger();
    return known.includes(job.id) || known.includes(otherIdOf(job));
  }

  #linesOf(key: string): LedgerLine[] {
    return this.#lines().filter((line) => line.key === key);
  }

  #lines(): LedgerLine[] {
    return this.#ledger()
      .split('\n')
      .flatMap((text) => {
        try {
          return [JSON.parse(text.replace(/ #torn$/, '')) as LedgerLine];
        } catch {
          return []; // torn
        }
      });
  }

  #ledger(): string {
    const path = join(this.#sora.home, 'ledger.jsonl');
    return existsSync(path) ? readFileSync(path, 'utf8') : '';
  }

  #saved(): Buffer[] {
    return this.#fileNames().map((name) => readFileSync(join(this.#sora.cwd, name)));
  }

  #fileNames(): string[] {
    return readdirSync(this.#sora.cwd).filter((name) => name.endsWith('.mp4') && !name.startsWith('.'));
  }
}

/** The submission that represents a payment once it is answered. */
function recordKeyOf({ key, inBatch }: Payment): string {
  return inBatch?.recordKey ?? key;
}

/** Whether a job was created before the create was sent. Servers count seconds, and a create may wait for locks. */
function isOlder(job: WorldJob, { sentMs }: Payment): boolean {
  return job.madeMs < sentMs - 5_000;
}

function isAgain({ command }: Run): boolean {
  return 'option' in command && command.option === '--again';
}

function productionOf(command: Command): Production | null {
  return 'result' in command ? command : null;
}

export function describe({ command: { run, ...options }, life }: Run): string {
  return `${run} ${JSON.stringify(options)} (process ${life.pid - 1_000_000_000})`;
}

const isTerminal = (status: string): boolean => ['completed', 'failed', 'cancelled', 'expired'].includes(status);

function isNamedAfter(name: string, job: WorldJob): boolean {
  const hash = createHash('sha256').update(otherIdOf(job)).digest('hex').slice(0, 8);
  const endings = [job.id, otherIdOf(job), hash].map((text) => text.slice(-8));
  const unnumbered = name.replace(/^(prompt-\d)-\d+\./, '$1.'); // if two commands name one file, one adds a number
  const isNamed = unnumbered === namedFile(PROMPTS.indexOf(job.request.prompt));
  return isNamed || endings.some((ending) => name.endsWith(`-${ending}.mp4`));
}

/** The file that `create -o` names for a prompt. */
export function namedFile(prompt: number): string {
  return `prompt-${prompt}.mp4`;
}
