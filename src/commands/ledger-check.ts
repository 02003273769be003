import { copyFileSync, existsSync, rmSync } from 'node:fs';
import { isDeepStrictEqual } from 'node:util';
import { type CommandResult, defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { option } from '../app/option-values.ts';
import { SoraError } from '../domain/errors.ts';
import { countOf } from '../domain/wording.ts';
import { cleanLine } from '../output/clean-text.ts';
import { confirm } from '../output/prompt.ts';
import { replaceFile } from '../platform/files.ts';
import { Journal } from '../platform/journal.ts';
import { unreadableLedger } from '../store/file-ledger.ts';
import { changeOwnFile } from '../store/json-file.ts';
import { LedgerMark } from '../store/ledger-mark.ts';
import { checkLedger, type LedgerCheck, type LedgerDamage } from '../store/ledger-repair.ts';
import type { PostgresLedger } from '../store/postgres-ledger.ts';

type CheckDeps = Pick<Context, 'paths' | 'host' | 'output' | 'isInteractive' | 'sharedLedgerUrl' | 'postgresLedger'>;

export const ledgerCheckCommand = defineCommand({
  name: 'ledger check',
  description:
    'Reads the whole ledger and reports each damaged line and what it may hide. Lines that their checksums restore exactly are repaired. The others are removed only if you confirm it, on the terminal or with --yes; a copy of the damaged file is kept. In a PostgreSQL database it reads every submission and compares the sums of days and manifests with them; --yes corrects the sums. No submission can be recorded in the meantime.',
  options: { yes: option('-y, --yes', 'continue without the lines that cannot be restored') },
  json: '{"path","lines","repaired":[7],"damaged":[{"line","reason","may_hide"}],"backup"}',
  errors: ['ledger_damaged', 'cannot_write'],
  examples: [
    ['sora ledger check', 'explain damage, and repair what is safe'],
    ['sora ledger check --yes', 'remove the lines that cannot be restored'],
  ],

  async run({ options }, deps: CheckDeps) {
    const { paths, host, sharedLedgerUrl } = deps;
    if (sharedLedgerUrl !== undefined) return audit(deps.postgresLedger(sharedLedgerUrl), options.yes ?? false);
    const check = read(paths);
    const isAgreed = check.damage.length > 0 && (options.yes === true || (await agrees(check, deps)));
    // Without confirmation a file is replaced only if all of it can be restored, so that line numbers stay valid.
    const isReplaced = isAgreed || (check.damage.length === 0 && check.repaired.length > 0);
    const backup = isReplaced ? await replace(check, deps) : null;
    const data = {
      path: paths.ledger,
      lines: check.lines,
      repaired: check.repaired,
      damaged: check.damage.map(({ line, reason, mayHide }) => ({ line, reason, may_hide: mayHide })),
      backup,
    };
    const answer = { data, view: () => describe(check, backup) };
    if (check.damage.length === 0 || isAgreed) return { answer };
    const error = new SoraError('ledger_damaged', {
      title: `${countOf(check.damage.length, 'part')} of ${paths.ledger} cannot be restored`,
      hints: [
        'put the file back if you have a copy of it; else run `sora list` to see jobs of the server that it may hide',
        'run `sora ledger check --yes` to continue without what is lost; a copy of the damaged file is kept',
      ],
    });
    return { answer, errors: host.interrupt.aborted ? [] : [error] };
  },
});

async function audit(ledger: PostgresLedger, isCorrected: boolean): Promise<CommandResult> {
  const { submissions, damage, wrongSums } = await ledger.audit(isCorrected);
  const lines = [
    ...damage.map(({ key, reason }) => `${key}: ${reason}`),
    ...(wrongSums === 0 ? [] : [`${isCorrected ? 'corrected' : 'wrong'}: ${countOf(wrongSums, 'sum')}`]),
    `${countOf(submissions, 'submission')}, ${damage.length === 0 ? 'no damage' : `${damage.length} damaged`}`,
  ];
  const data = {
    path: ledger.name,
    lines: submissions,
    repaired: [],
    damaged: damage.map(({ line, key, reason }) => ({ line, reason, may_hide: key })),
    backup: null,
  };
  const answer = { data, view: () => lines.map((line) => `${cleanLine(line)}\n`).join('') };
  if (damage.length === 0 && (wrongSums === 0 || isCorrected)) return { answer };
  const hint =
    damage.length > 0
      ? 'restore the database from a backup, or these submissions from one'
      : 'run `sora ledger check --yes` to correct the sums';
  return { answer, errors: [new SoraError('ledger_damaged', { title: `${ledger.name} is damaged`, hints: [hint] })] };
}

async function agrees({ damage }: LedgerCheck, { isInteractive, output, host }: CheckDeps): Promise<boolean> {
  if (!isInteractive) return false;
  for (const one of damage) output.note(describeDamage(one));
  return confirm('Continue without these lines? A video that they hide may then be paid for again.', host);
}

function read({ ledger }: CheckDeps['paths']): LedgerCheck {
  try {
    return checkLedger(ledger);
  } catch (error) {
    throw unreadableLedger(ledger, error);
  }
}

/** Returns the path of the damaged file's copy; null where no file was left. No other process appends meanwhile. */
async function replace(check: LedgerCheck, { paths, host }: CheckDeps): Promise<string | null> {
  const stamp = new Date(host.clock.now()).toISOString().replace(/[:.]/g, '-');
  const backup = existsSync(paths.ledger) ? `${paths.ledger}.damaged-${stamp}` : null;
  await changeOwnFile(paths.ledger, async () => {
    const { damage, repaired, text } = read(paths); // with what other processes appended since
    if (!isDeepStrictEqual([damage, repaired], [check.damage, check.repaired]))
      throw new SoraError('ledger_damaged', {
        title: `${paths.ledger} changed while it was checked`,
        hints: ['run `sora ledger check` again'],
      });
    if (backup !== null) copyFileSync(paths.ledger, backup);
    if (text === '') rmSync(paths.ledger, { force: true });
    else await replaceFile(paths.ledger, text);
    rmSync(paths.ledgerIndex, { force: true });
    new LedgerMark(new Journal(paths.ledger)).clear();
  });
  return backup;
}

function describe({ lines, repaired, damage }: LedgerCheck, backup: string | null): string {
  const shown = [
    ...damage.map((one) => describeDamage(one)),
    ...repaired.map(
      (line) => `line ${line}: one bit was wrong; ${backup === null ? 'it can be restored' : 'restored'}`,
    ),
    ...(damage.length + repaired.length === 0 ? [`${countOf(lines, 'line')}, no damage`] : []),
    ...(backup === null ? [] : [`the damaged file is kept as ${backup}`]),
  ];
  return shown.map((line) => `${cleanLine(line)}\n`).join('');
}

function describeDamage({ line, reason, mayHide }: LedgerDamage): string {
  return `line ${line}: ${reason}; it may hide ${mayHide}`;
}
