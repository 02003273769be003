import type { CheckResult, CheckStatus } from '../domain/check.ts';
import { cleanLine, wrapLine } from './clean-text.ts';
import type { Palette, Surface } from './surface.ts';

/** The access check as a command, and its price, for people. */
export interface AccessCommand {
  readonly curl: string;
  readonly price: string;
}

/** On narrower terminals, details go below the title. */
const MIN_COLUMNS = 30;

/** The checks, one per line, with fixes for those that did not pass: below the line, or in a pipe at its end. */
export function renderChecks(checks: readonly CheckResult[], { isTerminal, columns, palette }: Surface): string {
  if (!isTerminal) return checks.map((check) => `${cellsOf(check).join('\t')}\n`).join('');
  const isNarrow = columns - WIDE_INDENT.length < MIN_COLUMNS;
  const indent = isNarrow ? NARROW_INDENT : WIDE_INDENT;
  const below = (text: string): string => `${wrapLine(text, columns - indent.length).join(`\n${indent}`)}\n`;
  return checks
    .flatMap((check) => {
      // The time of the access check includes that of its question.
      const time = check.ms > 0 && check.id !== 'access' ? ` (${check.ms} ms)` : '';
      const [colour, mark] = MARKS[check.status];
      const title = isNarrow ? `${check.title}\n${indent}` : `${check.title.padEnd(TITLE_COLUMNS)}  `;
      return [
        `${palette[colour](mark)} ${title}${below(`${cleanLine(check.detail)}${time}`)}`,
        ...remedyOf(check).map(
          (hint) => `${indent}${palette.cyan('hint:')} ${below(`hint: ${hint}`).slice('hint: '.length)}`,
        ),
      ];
    })
    .join('');
}

export function renderAccessCommand({ curl, price }: AccessCommand, { palette }: Surface): string {
  return `\n${palette.dim(`the access check as a command (price: ${price}):`)}\n${curl}\n`;
}

/** The length of the longest title of a check. */
const TITLE_COLUMNS = 17;
const WIDE_INDENT = ' '.repeat(2 + TITLE_COLUMNS + 2);
const NARROW_INDENT = ' '.repeat(2);

function cellsOf(check: CheckResult): (string | number)[] {
  const { status, id, detail, ms } = check;
  return [status, id, cleanLine(detail), ms, remedyOf(check).join('; ')];
}

function remedyOf({ status, remedy = [] }: CheckResult): string[] {
  return status === 'pass' ? [] : remedy.map((hint) => cleanLine(hint));
}

const MARKS: Readonly<Record<CheckStatus, readonly [colour: keyof Palette, mark: string]>> = {
  pass: ['green', '✓'],
  warn: ['yellow', '!'],
  fail: ['red', '✗'],
  skip: ['dim', '–'],
};
