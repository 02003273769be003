import { defineCommand } from '../app/command.ts';
import type { Context } from '../app/context.ts';
import { refuseFaults } from '../app/option-values.ts';
import { CAP_JSON_SHAPE, capJson, capsInForce, describeCap } from '../app/team-caps.ts';
import { SoraError } from '../domain/errors.ts';
import { parseUsd } from '../domain/money.ts';
import { PostgresLedger } from '../store/postgres-ledger.ts';
import { parseCapName } from '../store/postgres-team-caps.ts';

export const ledgerCapsCommand = defineCommand({
  name: 'ledger caps',
  description:
    'Sets caps for the whole team in the shared ledger, and shows them with today’s spending (UTC). Their names are those of the settings of one machine: max_cost_per_day, max_cost_per_day_per_user, and both below profiles.NAME. A submission must be within the caps of the team and those of its machine. The value `none` removes a cap.',
  arguments: [
    {
      form: '[name=usd...]',
      summary: 'caps to set, for example max_cost_per_day=50; without arguments, the caps are shown',
    },
  ],
  json: `{"caps":[${CAP_JSON_SHAPE}]}`,
  errors: ['usage', 'ledger_unreachable'],
  examples: [
    ['sora ledger caps', 'show the caps of the team and the spending'],
    ['sora ledger caps max_cost_per_day=50 profiles.lab.max_cost_per_day=20', 'for everyone, and for one profile'],
    ['sora ledger caps max_cost_per_day_per_user=none', 'no longer limit each person'],
  ],

  async run({ args }, deps: Pick<Context, 'env' | 'host' | 'ledger' | 'output'>) {
    const { ledger, output } = deps;
    const faults: string[] = [];
    const caps = parseCaps(args, faults);
    refuseFaults(faults);
    if (!(ledger instanceof PostgresLedger)) {
      throw new SoraError('usage', {
        title: 'team caps need a shared ledger in PostgreSQL',
        hints: [
          'set `SORA_LEDGER`, or run `sora config set ledger postgres://…`',
          'run `sora config set max_cost_per_day USD` to set a cap for this machine',
        ],
      });
    }
    if (caps.size > 0) await ledger.setTeamCaps(caps);
    const inForce = await capsInForce(deps);
    if (inForce.length === 0) output.note('the team has no caps; set one with `sora ledger caps max_cost_per_day=USD`');
    const view = (): string => inForce.map((cap) => `${describeCap(cap)}\n`).join('');
    return { answer: { data: { caps: inForce.map(capJson) }, view } };
  },
});

function parseCaps(args: readonly string[], faults: string[]): Map<string, number | null> {
  const caps = new Map<string, number | null>();
  for (const arg of args) {
    const [, name = '', value = ''] = /^([^=]*)=(.*)$/.exec(arg) ?? [];
    const micros = value === 'none' ? null : parseUsd(value);
    if (parseCapName(name) === undefined) {
      faults.push(
        `\`${arg}\` does not set max_cost_per_day or max_cost_per_day_per_user, alone or after \`profiles.NAME.\``,
      );
    } else if (micros === undefined) faults.push(`\`${arg}\`: use an amount in dollars, such as 2.50, or \`none\``);
    else caps.set(name, micros);
  }
  return caps;
}
