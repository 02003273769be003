import { mkdirSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CommandLine, createCommandLine, type RunResult } from '../support/command-line.ts';
import { createFakeClock } from '../support/fake-clock.ts';
import { type Act, type Command, PROMPTS, ROWS, type Started, type World } from './description.ts';
import { isDiskBusy, Life, looksDead, mortalClock, QUIET } from './processes.ts';
import { describe, namedFile, Promises, type ShownJob } from './promises.ts';
import { BASE_URL, type Run, WorldServer } from './world-server.ts';

const ENV = { SORA_PROFILE: 'lab', SORA_API_KEY: 'sk-world-0123456789' };

/** Lets a world happen, and returns what broke a promise of `sora`; empty when nothing did. */
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
    return ended?.json<{ jobs: ShownJob[] }>().jobs ?? [];
  }

  #ask(...argv: string[]): Promise<RunResult | null> {
    return this.#sora(argv, { command: { run: 'list' }, life: new Life(QUIET, this.sora.clock) });
  }

  async #start({ fate, ...command }: Started): Promise<void> {
    const run: Run = { command, life: new Life(fate, this.sora.clock) };
    const ended = await this.#sora(this.#argvOf(command), run);
    if (ended !== null) this.#promises.checkAnswers(run);
  }

  #argvOf(command: Command): string[] {
    switch (command.run) {
      case 'create': {
        const { prompt, count, option, result } = command;
        const text = PROMPTS[prompt] ?? '';
        const options = [option, result === 'saved' || result === 'named' ? '' : result].filter((each) => each !== '');
        const file = result === 'named' ? ['-o', namedFile(prompt)] : [];
        return ['create', text, '-y', ...options, ...file, ...(count > 1 ? ['--count', String(count)] : [])];
      }
      case 'batch': {
        const rows = ROWS.slice(0, command.rows);
        writeFileSync(join(this.sora.cwd, 'film.txt'), rows.join('\n'));
        if (command.option === '--retry-unknown') this.#promises.releaseAll(rows);
        return ['batch', 'film.txt', '-y', ...command.option.split(' ').filter((each) => each !== '')];
      }
      default:
        return command.run.split(' ');
    }
  }

  /** Null for a process that was killed. */
  async #sora(argv: readonly string[], run: Run): Promise<RunResult | null> {
    const { life } = run;
    const { pid, fate } = life;
    const onOutput = (text: string): void => {
      if (!life.isOver) this.#promises.screen += text;
    };
    const options = {
      ...{ onOutput, http: this.#server.httpOf(run), env: ENV },
      self: { pid, ...(fate.isElsewhere ? { host: 'elsewhere' } : {}) },
    };
    const ended = await Promise.race([life.run(() => this.sora.run(argv, options)), life.ended]);
    life.kill();
    if (ended?.stderr.includes('unexpected')) this.#promises.violations.push(`${describe(run)}: ${ended.stderr}`);
    return ended ?? null;
  }
}
