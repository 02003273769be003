import { resolve } from 'node:path';
import { defineCommand } from '../../app/command.ts';
import type { Context } from '../../app/context.ts';
import { option, refuseFaults } from '../../app/option-values.ts';
import { parseMaxCost } from '../../app/spending.ts';
import { messageOf, SoraError } from '../../domain/errors.ts';
import { makeFolder } from '../../platform/folders.ts';
import { SessionBudget } from './session-budget.ts';
import { ToolCalls } from './tool-calls.ts';
import { TOOLS } from './tools.ts';

export const mcpCommand = defineCommand({
  name: 'mcp',
  description:
    'Serves tools for agents over the Model Context Protocol, on standard input and output: create, remix, edit, extend, cost, status, wait, download, list, cancel, doctor. A call spends money only with max_cost_usd, and all calls together spend at most --max-cost. Files are read from and saved to one folder. The server is the one in use; agents cannot choose another.',
  options: {
    output: option('-o, --output <dir>', 'the folder for files (default the working folder)'),
    maxCost: option('--max-cost <usd>', 'most that this session may spend (default nothing)'),
  },
  json: '',
  errors: ['usage', 'cost_cap_exceeded', 'cannot_write'],
  examples: [
    ['sora mcp --simulate -o videos/', 'for an agent: free, offline'],
    ['sora mcp --max-cost 5 -o videos/', 'at most $5 in this session'],
  ],

  async run({ options }, deps: Pick<Context, 'host' | 'options' | 'output' | 'configuration'>) {
    const { host, output } = deps;
    const faults: string[] = [];
    const budget = new SessionBudget(parseMaxCost(options.maxCost, faults));
    if (/^\w[\w+.-]+:\/\//.test(options.output ?? '')) {
      faults.push(`\`-o ${options.output}\`: tools read and save files in a folder of this machine`);
    }
    refuseFaults(faults);
    const folder = resolve(host.cwd, options.output ?? '.');
    prepareFolder(folder);
    deps.configuration; // invalid settings end the program before a client connects
    const calls = new ToolCalls({ context: deps, folder, budget });
    const { serveTools } = await import('./server.ts');
    if (host.stdin.isTTY) output.note('waiting for an MCP client on standard input; press Ctrl-C to end');
    await serveTools(TOOLS, (tool, input, signal) => calls.call(tool, input, signal), host);
    return {};
  },
});

function prepareFolder(folder: string): void {
  try {
    makeFolder(folder);
  } catch (cause) {
    throw new SoraError('cannot_write', {
      title: `could not create the folder ${folder}`,
      causedBy: messageOf(cause),
      cause,
    });
  }
}
