import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { Host } from '../../platform/host.ts';
import type { Tool, ToolInput } from './tools.ts';

export type CallTool = (tool: Tool, input: ToolInput, signal: AbortSignal) => Promise<CallToolResult>;

/** Serves tools over the standard streams until the client closes its end or an interrupt arrives, and open calls have ended. */
export async function serveTools(
  tools: readonly Tool[],
  call: CallTool,
  { version, stdin, stdout, interrupt }: Pick<Host, 'version' | 'stdin' | 'stdout' | 'interrupt'>,
): Promise<void> {
  const validator = new AjvJsonSchemaValidator();
  const callable = new Map(
    tools.map((tool) => [tool.name, { tool, check: validator.getValidator<ToolInput>(tool.inputSchema) }]),
  );
  const open = new Set<Promise<unknown>>();
  const server = new Server({ name: 'sora', title: 'sora', version }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(describe) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const known = callable.get(params.name);
    if (known === undefined) throw new McpError(ErrorCode.InvalidParams, `no tool is called ${params.name}`);
    const checked = known.check(params.arguments ?? {});
    if (!checked.valid) throw new McpError(ErrorCode.InvalidParams, `${params.name}: ${checked.errorMessage}`);
    const result = call(known.tool, checked.data, AbortSignal.any([signal, interrupt]));
    open.add(result);
    return result.finally(() => open.delete(result));
  });
  const closed = new Promise<void>((resolve) => {
    server.onclose = resolve;
    stdin.once('end', resolve).once('close', resolve);
    interrupt.addEventListener('abort', () => resolve(), { once: true });
  });
  await server.connect(new StdioServerTransport(stdin, stdout));
  await closed;
  await Promise.allSettled(open);
  await server.close();
}

function describe({ name, title, description, inputSchema, outputSchema, effect }: Tool) {
  return {
    name,
    title,
    description,
    inputSchema: inputSchema as { type: 'object' },
    outputSchema: outputSchema as { type: 'object' },
    annotations: {
      readOnlyHint: effect === 'readOnly',
      destructiveHint: effect === 'destructive',
      idempotentHint: effect !== 'additive',
      openWorldHint: true,
    },
  };
}
