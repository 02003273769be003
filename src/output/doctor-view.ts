import type { CheckResult, CheckStatus } from '../domain/check.ts';
import { cleanLine } from './clean-text.ts';
import type { Palette, Surface } from './surface.ts';

/** The checks, a line each, and what to do about one that did not pass: below it, or for programs behind it. */
export function renderChecks(
  checks: readonly CheckResult[],
  curl: string | null,
  { isTerminal, palette }: Surface,
): string {
  const command = curl === null ? '' : `\n${palette.dim('the access check as a command:')}\n${curl}\n`;
  if (!isTerminal) return `${checks.map((check) => `${cellsOf(check).join('\t')}\n`).join('')}${command}`;
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap((check) => {
    const time = check.ms > 0 ? palette.dim(` ${check.ms} ms`) : '';
    return [
      `${mark(check.status, palette)} ${check.title.padEnd(width)}  ${cleanLine(check.detail)}${time}\n`,
      ...remedyOf(check).map((hint) => `  ${' '.repeat(width)}  ${palette.cyan('hint:')} ${hint}\n`),
    ];
  });
  return `${lines.join('')}${command}`;
}

function cellsOf(check: CheckResult): (string | number)[] {
  const { status, id, detail, ms } = check;
  return [status, id, cleanLine(detail), ms, remedyOf(check).join('; ')];
}

function remedyOf({ status, remedy = [] }: CheckResult): string[] {
  return status === 'pass' ? [] : remedy.map((hint) => cleanLine(hint));
}

function mark(status: CheckStatus, palette: Palette): string {
  switch (status) {
    case 'pass':
      return palette.green('✓');
    case 'warn':
      return palette.yellow('!');
    case 'fail':
      return palette.red('✗');
    case 'skip':
      return palette.dim('–');
  }
}
