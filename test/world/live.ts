import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { Clock } from '../../src/platform/clock.ts';
import { type CommandLine, createCommandLine } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type Act, PROMPTS, ROWS, type World } from './description.ts';
import { Life, survive } from './mortal.ts';
import { BASE_URL, clipOf, isCertain, otherIdOf, type Payment, type WorldJob, WorldServer } from './world-server.ts';

interface ShownJob {
  readonly id: string;
  readonly status: string;
  readonly submission: string | null;
}

/** Lets a world happen, and returns what broke a promise of `sora`; empty when nothing did. */
export async function live(world: World): Promise<string[]> {
  const course = new Course(world);
  try {
    await course.run();
    return course.violations;
  } finally {
    rmSync(dirname(course.sora.home), { recursive: true, force: true });
  }
}

class Course {
  readonly violations: string[] = [];
  readonly sora: CommandLine;
  readonly #world: World;
  readonly #server: WorldServer;
  #screen = '';
  /** Prompts for which a person has asked for another video, or accepted that a lost one may exist. */
  readonly #released = new Set<Payment>();
  readonly #detached = new Set<string>();
  readonly #cancelled = new Set<WorldJob>();
  #act: Act | null = null;

  constructor(world: World) {
    const time = createFakeClock();
    const clock: Clock & { advance(ms: number): void } = {
      now: time.now,
      advance: time.advance,
      async sleep(ms, signal) {
        await survive();
        await time.sleep(ms, signal);
        await survive();
      },
    };
    this.#world = world;
    this.sora = createCommandLine({ clock });
    this.#server = new WorldServer(world, time);
    this.#server.onCreate = (prompt) => this.#checkPayment(prompt);
  }

  async run(): Promise<void> {
    const settings = ['--set', `capabilities.complete_list=${this.#world.isComplete ? 'yes' : 'no'}`];
    await this.#sora(
      ['config', 'profile', 'add', 'lab', '--base-url', BASE_URL, '--use', ...(this.#world.isComplete ? settings : [])],
      null,
    );
    for (const act of this.#world.acts) await this.#perform(act);
    this.#act = null;
    this.#server.isCalm = true;
    await this.#checkJobs();
    this.#checkFiles();
  }

  async #perform(act: Act): Promise<void> {
    this.#act = act;
    if (act.run === 'wait') return this.sora.clock.advance(act.ms);
    await this.#sora(this.#argvOf(act), act.killedAfter);
  }

  #argvOf(act: Exclude<Act, { run: 'wait' }>): string[] {
    switch (act.run) {
      case 'create': {
        const prompt = PROMPTS[act.prompt] ?? '';
        if (act.isAgain) this.#release([prompt]);
        if (act.isDetached) this.#detached.add(prompt);
        return ['create', prompt, ...(act.isDetached ? ['--detach'] : []), ...(act.isAgain ? ['--again'] : [])];
      }
      case 'batch': {
        const rows = ROWS.slice(0, act.rows);
        writeFileSync(join(this.sora.cwd, 'film.txt'), rows.join('\n'));
        if (act.retriesUnknown) this.#release(rows);
        return ['batch', 'film.txt', '-y', ...(act.retriesUnknown ? ['--retry-unknown'] : [])];
      }
      case 'cancel @last':
        for (const job of this.#server.jobs) this.#cancelled.add(job);
        return ['cancel', '@last'];
      default:
        return act.run.split(' ');
    }
  }

  #release(prompts: readonly string[]): void {
    for (const payment of this.#server.payments) if (prompts.includes(payment.prompt)) this.#released.add(payment);
  }

  /** One process of `sora`, killed after so many effects. */
  async #sora(argv: readonly string[], killedAfter: number | null): Promise<string> {
    const life = new Life(killedAfter);
    const onOutput = (text: string): void => {
      if (!life.isOver) this.#screen += text;
    };
    const env = { SORA_API_KEY: 'sk-world-0123456789' };
    const run = life.run(() => this.sora.run(argv, { http: this.#server.http, env, onOutput }));
    const ended = await Promise.race([run, life.ended]);
    life.kill();
    if (ended?.stderr.includes('unexpected')) this.violations.push(`sora ${argv.join(' ')}: ${ended.stderr}`);
    return ended?.stdout ?? '';
  }

  /** Promise 1: no request is paid twice without a person's word. */
  #checkPayment(prompt: string): void {
    const open = this.#server.payments.filter((earlier) => earlier.prompt === prompt && !this.#isSettled(earlier));
    for (const { fault, job } of open)
      this.violations.push(
        `"${prompt}" was sent again by ${JSON.stringify(this.#act)}; the first time ended with "${fault}", job ${job?.id}`,
      );
  }

  #isSettled(payment: Payment): boolean {
    const { fault, job, prompt } = payment;
    if (isCertain(fault) || this.#released.has(payment)) return true;
    if (job === null) return this.#world.isComplete;
    if (!this.#isWrittenDown(job)) return false;
    if (job.isRemoved || this.#cancelled.has(job)) return true;
    if (this.sora.clock.now() < job.endsMs) return false;
    if (job.outcome !== 'completed') return PROMPTS.includes(prompt);
    return (
      PROMPTS.includes(prompt) && (this.#detached.has(prompt) || this.#files().some((file) => file.includes(job.id)))
    );
  }

  /** Promise 2: the id of every paid job is known, or its submission is listed as unknown and can be resolved. */
  async #checkJobs(): Promise<void> {
    const shown: { jobs: ShownJob[] } = JSON.parse(await this.#sora(['list', '--local', '--json', '-L', '100'], null));
    for (const payment of this.#server.payments) {
      const { job, key } = payment;
      if (job === null || this.#isWrittenDown(job) || this.#isIn(this.#screen, job) || this.#released.has(payment))
        continue;
      const listed = shown.jobs.find(({ submission }) => submission === key);
      if (listed?.status !== 'unknown')
        this.violations.push(
          `the paid job ${job.id} of ${key} is known nowhere; its submission is ${JSON.stringify(listed)}`,
        );
    }
    for (const { id, submission } of shown.jobs) {
      const job = this.#server.jobOf(id);
      const payment = this.#server.payments.find(({ key }) => key === submission);
      if (job !== undefined && payment !== undefined && job.prompt !== payment.prompt)
        this.violations.push(`${submission} was taken for ${id}, which is the job of another request`);
    }
    const twice = shown.jobs
      .map(({ id }) => this.#server.jobOf(id))
      .filter((job, at, all) => job && all.indexOf(job) !== at);
    for (const job of twice) this.violations.push(`two submissions were taken for the one job ${job?.id}`);
  }

  #isWrittenDown(job: WorldJob): boolean {
    return this.#isIn(readFileSync(join(this.sora.home, 'ledger.jsonl'), 'utf8'), job);
  }

  #isIn(text: string, job: WorldJob): boolean {
    return text.includes(job.id) || text.includes(otherIdOf(job));
  }

  #files(): string[] {
    return this.#fileNames().map((name) => readFileSync(join(this.sora.cwd, name), 'latin1'));
  }

  #fileNames(): string[] {
    return readdirSync(this.sora.cwd).filter((name) => name.endsWith('.mp4') && !name.startsWith('.'));
  }

  /** Promise 3: every file under its final name is whole and its own. */
  #checkFiles(): void {
    for (const name of this.#fileNames()) {
      const bytes = readFileSync(join(this.sora.cwd, name));
      const job = this.#server.jobs.find(({ id }) => bytes.includes(`[job ${id}]`));
      const ending = /-([\w+=]+)\.mp4$/.exec(name)?.[1] ?? '';
      const isOwn =
        job?.id.endsWith(ending) || (job && otherIdOf(job).replace(/\W/g, '').endsWith(ending.replace(/\W/g, '')));
      if (job === undefined || !bytes.equals(clipOf(job.id))) this.violations.push(`${name} is not whole`);
      else if (!isOwn) this.violations.push(`${name} holds the video of ${job.id}`);
    }
  }
}
