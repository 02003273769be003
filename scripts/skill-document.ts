import { COMMANDS } from '../src/command-table.ts';
import { EXIT_CODES } from '../src/domain/errors.ts';

/** skills/sora/SKILL.md: what an agent needs to use the command line safely. */
export async function skillDocument(): Promise<string> {
  const rows = await Promise.all(
    COMMANDS.map(async ({ name, summary, load }) => {
      const { arguments: args } = await load();
      const usage = ['sora', name, ...args.map(({ form }) => form)].join(' ');
      return `| \`${usage.replaceAll('|', '\\|')}\` | ${summary} |`;
    }),
  );
  return `---
name: sora
description: Create, follow, save and price AI videos with the sora command line, on any server that speaks the Videos API or with its free offline simulator. Use it when the user wants a video or many, the status or file of one, its price, or to find out why access to a video server fails.
---

# sora

A video costs money and minutes. \`sora\` pays once: it records each submission before it is sent. Keep its promises:

1. **Ask before paying.** \`sora cost\` or \`--dry-run\` shows the price and creates nothing. Pass the amount that the user approved as
   \`--max-cost USD\`. Do not use \`--yes\`, \`--again\`, \`--retry-unknown\` or \`sora forget\` unless the user asked for it explicitly.
2. **Never submit again to recover.** After a timeout, Ctrl-C or exit code 8 the job still runs: \`sora status ID --watch\`, then
   \`sora download ID\`. Running the same \`create\` again attaches to its job and pays nothing. If the outcome is unknown
   (\`outcome_unknown\`), tell the user, and show the candidates that the error names.
3. **Try it free.** \`--simulate\` makes real MP4 files offline: use it to test a script or a manifest first.
4. **Read JSON.** \`--json\` prints one document on standard output; errors are JSON on standard error, with \`code\`, \`message\` and
   \`hints\`. \`sora --help --json\` describes every command, option, answer and error.

\`\`\`sh
sora create "A paper boat sails into a storm drain" --duration 4 --dry-run --json   # price; sends nothing
sora create "A paper boat sails into a storm drain" --duration 4 --max-cost 0.40 --json
sora create "A paper boat" --detach --max-cost 0.40                                  # prints the id at once
sora status ID --watch --timeout 10m && sora download ID -o boat.mp4
sora batch shots.jsonl --max-cost 20 -o out/                                         # one row per line: {"prompt":"…"}; run again to resume
sora doctor --json                                                                   # why access fails; free
\`\`\`

Agents that speak MCP: \`sora mcp --max-cost USD -o DIR\`.

## Commands

| command | does |
|---|---|
${rows.join('\n')}

\`sora COMMAND --help\` has the options. The server is that of the settings, or \`--profile NAME\`, \`--base-url URL\`, \`--simulate\`.

## Exit codes

| code | meaning |
|---|---|
${EXIT_CODES.map(([code, meaning]) => `| ${code} | ${meaning} |`).join('\n')}
`;
}
