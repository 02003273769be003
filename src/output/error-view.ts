import type { SoraError } from '../domain/errors.ts';
import { firstItems } from '../domain/wording.ts';
import { cleanText } from './clean-text.ts';
import type { Palette } from './surface.ts';

/** How many violations people and programs are shown: a manifest may have one in each of its rows. */
const MOST_LINES = 50;
const MOST_IN_JSON = 100;

/** An error for people: what happened, the cause in the server's words, and what to do. */
export function renderError(error: SoraError, { red, dim, cyan }: Palette): string {
  const details = [
    ...firstItems(error.violations, MOST_LINES).map((violation) => `  - ${cleanText(violation)}`),
    ...(error.causedBy === null ? [] : [`  ${dim('caused by:')} ${indentRest(cleanText(error.causedBy))}`]),
    ...(error.requestId === null ? [] : [`  ${dim('request:')} ${cleanText(error.requestId)}`]),
  ];
  const hints = error.hints.map((hint) => `${cyan('hint:')} ${cleanText(hint)}`);
  const blocks = [[`${red('error:')} ${cleanText(error.message)}`, ...details], ...(hints.length > 0 ? [hints] : [])];
  return `${blocks.map((lines) => lines.join('\n')).join('\n\n')}\n`;
}

function indentRest(text: string): string {
  return text.trim().replace(/\n/g, '\n    ');
}

/** An error for programs; the keys are a public interface. */
export function errorJson(error: SoraError) {
  return {
    code: error.code,
    message: error.message,
    violations: firstItems(error.violations, MOST_IN_JSON),
    caused_by: error.causedBy,
    hints: error.hints,
    status: error.status,
    request_id: error.requestId,
    retryable: error.retryable,
    job_id: error.jobId,
    submission: error.submission,
  };
}
