import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type { ServerCall } from '../../src/http-server/handler.ts';
import { ownProcess } from '../../src/platform/process-identity.ts';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { createTestedService } from '../support/service.ts';
import {
  type Act,
  type Batch,
  type Command,
  NAMES,
  ORDERS,
  PROMPTS,
  type Production,
  ROWS,
  type Serve,
  type Started,
  type World,
} from './description.ts';
import { isDiskBusy, Life, looksDead, mortalClock, QUIET } from './processes.ts';
import { describe, namedFile, Promises, type ShownJob } from './promises.ts';
import { BASE_URL, type Run, type WorldJob, WorldServer } from './world-server.ts';

const ENV = { SORA_PROFILE: 'lab', SORA_API_KEY: 'sk-world-0123456789' };

/** Runs a world, and returns the violations of promises; empty if there are none. */
export async function live(world: World): Promise<string[]> {
  const course = new Course(world);
  looksDead.all = world.looksDead;
  try {
    return await course.run();
  } finally {
    rmSync(dirname(course.sora.home), { recursive: true, force: true });
  }
}

class Course {
  readonly sora: CommandLine;
  readonly #world: World;
  readonly #server: WorldServer;
  readonly #promises: Promises;
  /** How many rows of the manifest a process sees now. */
  #rows: readonly number[] = [];

  constructor(world: World) {
    const time = createFakeClock({ isBusy: isDiskBusy });
    this.#world = world;
    this.sora = createCommandLine({ clock: mortalClock(time) });
    this.#server = new WorldServer(world, time);
    this.#promises = new Promises(world, this.sora, this.#server);
    this.#server.onPayment = (payment) => this.#promises.checkPayment(payment);
  }

  async run(): Promise<string[]> {
    const lab = { base_url: BASE_URL, ...(this.#world.isComplete ? { capabilities: { complete_list: 'yes' } } : {}) };
    mkdirSync(this.sora.home);
    writeFileSync(
      join(this.sora.home, 'settings.json'),
      JSON.stringify({ request_timeout: '30s', profiles: { lab } }),
      { mode: 0o600 },
    );
    mkdirSync(join(this.sora.cwd, 'cast'));
    for (const name of NAMES)
      writeFileSync(join(this.sora.cwd, 'cast', `${name}.mp4`), this.#server.clipOf({ id: name }));
    for (const prompt of this.#world.strangers) this.#server.makeForeign(prompt);
    this.sora.clock.advance(60_000);
    for (const act of this.#world.acts) await this.#perform(act);
    this.#promises.checkJobs(await this.#list());
    this.#promises.checkFiles();
    return this.#promises.violations;
  }

  async #perform(act: Act): Promise<void> {
    switch (act.act) {
      case 'run':
        this.#rows = act.processes.flatMap((process) => (process.run === 'batch' ? [process.rows] : []));
        await Promise.all(act.processes.map((process) => this.#start(process)));
        return;
      case 'wait':
        return this.sora.clock.advance(act.ms);
      case 'stranger':
        return this.#server.makeForeign(act.prompt);
      default:
        for (const { submission, status } of await this.#list())
          if (submission !== null && status === 'unknown') await this.#resolve(act.act, submission);
    }
  }

  async #resolve(how: 'attach' | 'forget', key: string): Promise<void> {
    const job = this.#server.jobs.find((made) => made.key === key);
    if (how === 'attach' && job !== undefined) await this.#ask('attach', key, job.id);
    if (how === 'forget') {
      this.#promises.release(key);
      await this.#ask('forget', key);
    }
  }

  async #list(): Promise<ShownJob[]> {
    const ended = await this.#ask('list', '--local', '--json', '-L', '100');
    const listed = ended?.json<{ jobs: ShownJob[] }>().jobs ?? [];
    if (!this.#server.payments.some(({ inBatch, request }) => inBatch || request.source?.operation === 'character'))
      return listed;
    const status = await this.#ask('status', '--json'); // videos are listed; other unresolved submissions are shown here
    const keys = new Set(listed.map(({ submission }) => submission));
    const others = status?.json<{ jobs: ShownJob[] }>().jobs ?? [];
    return [...listed, ...others.filter(({ submission }) => !keys.has(submission))];
  }

  #ask(...argv: string[]): Promise<RunResult | null> {
    return this.#sora(argv, { command: { run: 'list' }, life: new Life(QUIET, this.sora.clock) });
  }

  async #start({ fate, ...command }: Started): Promise<void> {
    const run: Run = { command, life: new Life(fate, this.sora.clock) };
    const ended =
      command.run === 'serve' ? await this.#serve(command, run) : await this.#sora(this.#argvOf(command), run);
    if (ended) this.#promises.checkAnswers(run);
    if (command.run === 'batch' && isWhole(command, ended))
      this.#promises.checkBatch(run, ROWS.slice(0, Math.min(...this.#rows)));
  }

  /** Runs a service until its orders are done or some time has passed. False if it was killed. */
  async #serve({ orders }: Serve, { life, command }: Run): Promise<boolean> {
    const { clock, home } = this.sora;
    const serve = async (): Promise<true> => {
      const service = createTestedService({
        folder: home,
        clock,
        ...{ pid: life.pid, seed: life.pid, isKilled: true },
        ...{ upstreamUrl: BASE_URL, http: this.#server.httpOf({ command, life }), budget: { isFree: false } },
        process: {
          self: { ...ownProcess(), pid: life.pid, ...(life.fate.isElsewhere ? { host: 'elsewhere' } : {}) },
          profile: 'lab',
          hasCompleteList: this.#world.isComplete,
          onLog: (...entry) => this.#show(life, JSON.stringify(entry)),
        },
      });
      await service.runner.resume();
      for (const prompt of ORDERS.slice(0, orders)) await service.answer(orderOf(prompt));
      const isBusy = (): boolean => {
        const { pending, processing } = service.jobs.count();
        return pending + processing > 0;
      };
      for (let waits = 0; waits < 40 && isBusy(); waits++) await clock.sleep(30_000);
      await service.runner.stop();
      return true;
    };
    const served = life.run(serve).catch((error: unknown) => {
      if (!life.isOver && !String(error).includes('ENOSPC')) this.#promises.violations.push(`serve: ${error}`);
    });
    const hasEnded = await Promise.race([served, life.ended]);
    life.kill();
    return hasEnded ?? false;
  }

  /** The output of a process before it is killed. */
  #show({ isOver }: Life, text: string): void {
    if (!isOver) this.#promises.screen += text;
  }

  /** A finished video, counted back from the newest. */
  #video(number: number, isWanted: (job: WorldJob) => boolean = () => true): WorldJob | undefined {
    const nowMs = this.sora.clock.now();
    return this.#server.jobs
      .filter((job) => job.kind === 'video' && !job.isRemoved && job.endsMs <= nowMs && isWanted(job))
      .at(-1 - number);
  }

  #argvOf(command: Exclude<Command, Serve>): string[] {
    switch (command.run) {
      case 'create':
      case 'remix':
      case 'edit':
      case 'extend':
        return this.#argvOfProduction(command);
      case 'character': {
        const name = NAMES[command.name] ?? '';
        const option = command.option === '' ? [] : [command.option];
        return ['character', 'create', name, `cast/${name}.mp4`, '-y', ...option];
      }
      case 'batch':
        return this.#argvOfBatch(command);
      default:
        return command.run.split(' ').map((word) => (word === 'batch' ? this.#newestBatch() : word));
    }
  }

  #newestBatch(): string {
    return this.#server.jobs.findLast(({ kind }) => kind === 'batch')?.id ?? 'batch_none';
  }

  #argvOfProduction({ run, prompt, from, character, count, option, result }: Production): string[] {
    const text = PROMPTS[prompt] ?? '';
    const again = from === null ? undefined : this.#video(from, (job) => job.request.prompt === text);
    const source = this.#video(from ?? 0)?.id ?? '@last';
    const what = run !== 'create' ? [source, text] : again ? ['--from', again.id] : [text];
    const options = [option, result === 'saved' || result === 'named' ? '' : result].filter((each) => each !== '');
    const file = result === 'named' ? ['-o', namedFile(prompt)] : [];
    const characters = this.#server.jobs.filter(({ kind }) => kind === 'character');
    const cast = character === null ? undefined : characters.at(-1 - character);
    const withCast = cast === undefined ? [] : ['--character', cast.id];
    return [run, ...what, '-y', ...options, ...file, ...withCast, ...(count > 1 ? ['--count', String(count)] : [])];
  }

  #argvOfBatch({ rows, option, isOnServer }: Batch): string[] {
    const prompts = ROWS.slice(0, rows);
    writeFileSync(join(this.sora.cwd, 'film.txt'), prompts.join('\n'));
    if (option === '--retry-unknown' && isOnServer) this.#promises.releaseBatches();
    else if (option === '--retry-unknown') this.#promises.releaseAll(ROWS.slice(0, Math.max(...this.#rows)));
    const options = option.split(' ').filter((each) => each !== '');
    return ['batch', 'film.txt', '-y', ...options, ...(isOnServer ? ['--server-batch'] : [])];
  }

  /** Null for a process that was killed. */
  async #sora(argv: readonly string[], run: Run): Promise<RunResult | null> {
    const { life } = run;
    const { pid, fate } = life;
    const options = {
      ...{ onOutput: (text: string) => this.#show(life, text), http: this.#server.httpOf(run), env: ENV },
      self: { pid, ...(fate.isElsewhere ? { host: 'elsewhere' } : {}) },
    };
    const ended = await Promise.race([life.run(() => this.sora.run(argv, options)), life.ended]);
    life.kill();
    if (ended?.stderr.includes('unexpected')) this.#promises.violations.push(`${describe(run)}: ${ended.stderr}`);
    return ended ?? null;
  }
}

/** An order for the REST service. Repeated, it is the same order. */
function orderOf(prompt: string): ServerCall {
  const headers = { 'content-type': 'application/json', 'x-api-key': 'test-api-key', 'idempotency-key': prompt };
  const url = new URL('http://localhost/api/v1/videos');
  return { method: 'POST', url, headers, body: Buffer.from(JSON.stringify({ prompt })) };
}

/** Whether a batch has reported all its rows as done. */
function isWhole({ option }: Batch, ended: RunResult | boolean | null): boolean {
  return typeof ended === 'object' && ended?.code === 0 && option !== '--retry-failed';
}
