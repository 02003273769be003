import type { SoraError } from '../domain/errors.ts';
import { Secrets } from '../domain/redact.ts';
import type { Clock } from '../platform/clock.ts';
import type { Host, OutputStream } from '../platform/host.ts';
import { type Animation, type Board, type BoardLines, createBoard, SILENT_BOARD } from './board.ts';
import { cleanText, escapeMarks } from './clean-text.ts';
import { errorJson, renderError } from './error-view.ts';
import { glyphsFor } from './glyphs.ts';
import { createProgress, type Progress, SILENT_PROGRESS } from './progress.ts';
import { type ColorMode, createSurface, isColored, type Surface } from './surface.ts';
import { renderTable, type Table } from './table.ts';

interface OutputOptions {
  readonly json: boolean;
  readonly quiet: boolean;
  readonly debug: boolean;
  readonly color: ColorMode;
}

type Surroundings = Pick<Host, 'stdout' | 'stderr' | 'env' | 'isInForeground'>;

/** A command's answer: data for programs, a view for people. */
export interface Answer {
  readonly data: Readonly<Record<string, unknown>>;
  readonly view: Table | ((surface: Surface) => string | Promise<string>);
  /** The last of several documents, one per line. */
  readonly isLine?: true;
}

/** The only writer of the standard streams. Standard output holds the answer and nothing else. */
export class Output {
  readonly options: OutputOptions;
  readonly stdout: OutputStream;
  readonly #stderr: OutputStream;
  readonly #env: Surroundings['env'];
  readonly #isInForeground: Surroundings['isInForeground'];
  /** The secrets that are never printed. */
  readonly secrets = new Secrets();
  #board: Board = SILENT_BOARD;
  readonly #notes = new Set<string>();

  constructor({ stdout, stderr, env, isInForeground }: Surroundings, options: OutputOptions) {
    this.options = options;
    this.stdout = stdout;
    this.#stderr = stderr;
    this.#env = env;
    this.#isInForeground = isInForeground;
  }

  /** Prints a note, once. With `--json` it becomes part of the document. */
  note(text: string): void {
    const line = this.#lineOf(text);
    const isNew = !this.#notes.has(line);
    this.#notes.add(line);
    if (isNew && !this.options.json && !this.options.quiet) this.#print(`note: ${line}\n`);
  }

  /** Reports progress on a line, for people only. */
  news(text: string): void {
    if (!this.options.json && !this.options.quiet) this.#print(`${this.#lineOf(text)}\n`);
  }

  /** One line, so that text from a server cannot look like one of ours. */
  #lineOf(text: string): string {
    return cleanText(this.secrets.redact(text)).replace(/\s+/g, (blanks) => (blanks.includes('\n') ? ' ' : blanks));
  }

  /** While a board is shown, text is written above it. */
  #print(text: string): void {
    if (this.#board.isVisible) this.#board.write(text);
    else this.#stderr.write(text);
  }

  /** A line of the log of `serve`; with `--json` an object. */
  log(level: 'info' | 'error', message: string, facts: Readonly<Record<string, unknown>>): void {
    const { json, quiet } = this.options;
    if (quiet && level === 'info') return;
    const line = json ? JSON.stringify({ level, message, ...facts }) : `[${level}] ${message} ${JSON.stringify(facts)}`;
    this.#stderr.write(`${cleanText(this.secrets.redact(line))}\n`);
  }

  debug(level: 'debug' | 'error', what: string, facts: Readonly<Record<string, unknown>>): void {
    if (!this.options.debug) return;
    this.#stderr.write(`[${level}] ${what} ${cleanText(this.secrets.redact(JSON.stringify(facts)))}\n`);
  }

  /** Prints part of the answer early: a document on its own line, or a line of text in a pipe. */
  part({ data, line }: { readonly data: Answer['data']; readonly line: string }): void {
    const isTerminal = this.stdout.isTTY === true;
    if (this.options.json) this.stdout.write(`${escapeMarks(this.secrets.hide(JSON.stringify(data)))}\n`);
    else if (!isTerminal) this.stdout.write(`${this.secrets.hide(line)}\n`);
  }

  async answer({ data, view, isLine }: Answer): Promise<void> {
    if (this.options.json) {
      const document = JSON.stringify({ ...data, ...this.#notesJson() }, null, isLine ? 0 : 2);
      this.stdout.write(`${escapeMarks(this.secrets.hide(document))}\n`);
      return;
    }
    const surface = await createSurface(this.stdout, this.#env, this.options.color);
    const text = typeof view === 'function' ? view(surface) : renderTable(view, surface);
    this.stdout.write(this.secrets.hide(await text));
  }

  /** The first error decides the exit code; with `--json` all are in one object. */
  async errors(errors: readonly [SoraError, ...SoraError[]]): Promise<void> {
    if (this.options.json) {
      const [first, ...rest] = errors.map((error) => errorJson(error));
      const document = { error: first, ...(rest.length > 0 ? { errors: [first, ...rest] } : {}), ...this.#notesJson() };
      this.#stderr.write(`${escapeMarks(this.secrets.redact(JSON.stringify(document)))}\n`);
      return;
    }
    const { palette } = await createSurface(this.#stderr, this.#env, this.options.color);
    this.#stderr.write(this.secrets.redact(errors.map((error) => renderError(error, palette)).join('\n')));
  }

  /** Alerts the user on the terminal: with a notification if it is known to support them, else with the bell. */
  notify(text: string): void {
    if (this.#stderr.isTTY !== true || this.options.json) return;
    const { TERM_PROGRAM = '', KITTY_WINDOW_ID, TMUX } = this.#env;
    const hasMessages = !TMUX && (KITTY_WINDOW_ID || /^(iTerm\.app|WezTerm|ghostty)$/.test(TERM_PROGRAM));
    this.#stderr.write(hasMessages ? `\x1b]9;sora: ${cleanText(this.secrets.redact(text))}\x07` : '\x07');
  }

  /** An animated line, if animation is possible; else nothing. */
  progress(clock: Clock): Promise<Progress> | Progress {
    return this.#isAnimated
      ? createProgress(this.#animation, (lines, decorate) => this.board(clock, lines, decorate))
      : SILENT_PROGRESS;
  }

  /** The same with several lines; one board at a time. */
  async board(clock: Clock, lines: BoardLines, decorate?: (line: string) => string): Promise<Board> {
    if (!this.#isAnimated || this.#board !== SILENT_BOARD) return SILENT_BOARD;
    const board = await createBoard(this.#animation, clock, lines, decorate);
    this.#board = board;
    const stop = async (): Promise<void> => {
      this.#board = SILENT_BOARD;
      await board.stop();
    };
    return {
      stop,
      write: board.write,
      get isVisible() {
        return board.isVisible;
      },
    };
  }

  get #animation(): Animation {
    const [stream, env] = [this.#stderr, this.#env];
    return {
      stream,
      isColored: isColored(stream.isTTY === true, env, this.options.color),
      glyphs: glyphsFor(env),
      isInForeground: this.#isInForeground,
    };
  }

  get #isAnimated(): boolean {
    const { json, quiet, debug } = this.options;
    // On a terminal of unknown width (0) lines cannot be redrawn.
    const canRedraw = this.#stderr.isTTY === true && this.#stderr.columns !== 0 && this.#env.TERM !== 'dumb';
    return canRedraw && !this.#env.CI && !json && !quiet && !debug;
  }

  #notesJson(): { notes?: string[] } {
    return this.#notes.size > 0 ? { notes: [...this.#notes] } : {};
  }
}
