import type { CheckResult, CheckStatus } from '../domain/check.ts';
import { cleanText } from './clean-text.ts';
import type { Palette, Surface } from './surface.ts';

/** The checks, a line each, and below one that did not pass what to do about it. */
export function renderChecks(
  checks: readonly CheckResult[],
  curl: string | null,
  { isTerminal, palette }: Surface,
): string {
  if (!isTerminal)
    return checks.map(({ id, status, detail, ms }) => `${[status, id, cleanText(detail), ms].join('\t')}\n`).join('');
  const width = Math.max(...checks.map(({ title }) => title.length));
  const lines = checks.flatMap((check) => {
    const time = check.ms > 0 ? palette.dim(` ${check.ms} ms`) : '';
    const remedy = check.status === 'pass' ? [] : (check.remedy ?? []);
    return [
      `${mark(check.status, palette)} ${check.title.padEnd(width)}  ${cleanText(check.detail)}${time}\n`,
      ...remedy.map((hint) => `  ${' '.repeat(width)}  ${palette.cyan('hint:')} ${cleanText(hint)}\n`),
    ];
  });
  return `${lines.join('')}${curl === null ? '' : `\n${palette.dim('the access check as a command:')}\n${curl}\n`}`;
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
