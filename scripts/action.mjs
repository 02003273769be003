// The step of action.yml: runs `sora doctor`, writes the outputs and a summary, and exits with the same code.
import { spawnSync } from 'node:child_process';
import { appendFileSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

const { env } = process;
const sora = fileURLToPath(new URL('../bin/sora.js', import.meta.url));
const home = mkdtempSync(join(env.RUNNER_TEMP || tmpdir(), 'sora-'));
// Empty inputs count as unset; a temporary home keeps the runner's own settings out.
const own = Object.fromEntries(Object.entries({ ...env, SORA_HOME: home }).filter(([, value]) => value !== ''));

const argv = ['doctor', '--json'];
if (!env.SORA_BASE_URL) argv.push('--simulate');
if (env.INPUT_DIALECT) argv.push('--dialect', env.INPUT_DIALECT);
const isPaid = env.INPUT_ACCESS_CHECK === 'true';
if (isPaid) argv.push('--yes');

const maxCost = env.INPUT_MAX_COST || '1';
const cap = isPaid && maxCost !== 'none' ? run('config', 'set', 'max_cost', maxCost) : null;
const { status, stdout } = cap === null || cap.status === 0 ? run(...argv) : cap;
const report = join(home, 'doctor.json');
writeFileSync(report, stdout);
const document = parse(stdout);
const exitCode = status ?? 1;

if (env.GITHUB_OUTPUT)
  appendFileSync(env.GITHUB_OUTPUT, `ok=${document?.ok === true}\nexit-code=${exitCode}\nreport=${report}\n`);
if (env.GITHUB_STEP_SUMMARY) appendFileSync(env.GITHUB_STEP_SUMMARY, summaryOf(document));
for (const { title, detail, remedy } of document?.checks.filter((check) => check.status === 'fail') ?? [])
  process.stdout.write(`::error title=${property(title)}::${data([detail, ...remedy].join('\n'))}\n`);
process.exitCode = exitCode;

function run(...args) {
  const stdio = ['ignore', 'pipe', 'inherit'];
  return spawnSync(process.execPath, [sora, ...args], { env: own, encoding: 'utf8', stdio });
}

function parse(text) {
  try {
    return JSON.parse(text);
  } catch {
    return null; // `sora` printed the error on standard error
  }
}

/** A table of the checks in Markdown. */
function summaryOf(answer) {
  if (answer === null) return '### sora doctor\n\nNo report; see the log of the step.\n';
  const rows = answer.checks.map(
    ({ status: word, title, detail }) => `| ${word} | ${cell(title)} | ${cell(detail)} |\n`,
  );
  return `### sora doctor: ${answer.ok ? 'ok' : 'failed'} (${cell(answer.profile)})\n\n| | check | found |\n|---|---|---|\n${rows.join('')}`;
}

function cell(text) {
  return String(text)
    .replace(/[\\|`<>[\]*_]/g, '\\$&')
    .replace(/\s+/g, ' ');
}

/** The escapes of a workflow command. */
function data(text) {
  return text.replaceAll('%', '%25').replaceAll('\r', '%0D').replaceAll('\n', '%0A');
}

function property(text) {
  return data(text).replaceAll(':', '%3A').replaceAll(',', '%2C');
}
