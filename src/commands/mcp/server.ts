import { finished, pipeline } from 'node:stream';
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
import { MessageFilter } from './message-filter.ts';
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
  const server = new Server({ name: 'sora', title: 'sora', version }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(describe) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal }) => {
    const known = callable.get(params.name);
    if (known === undefined) throw new McpError(ErrorCode.InvalidParams, `no tool is called ${params.name}`);
    const checked = known.check(params.arguments ?? {});
    if (!checked.valid) throw new McpError(ErrorCode.InvalidParams, `${params.name}: ${checked.errorMessage}`);
    return call(known.tool, checked.data, AbortSignal.any([signal, interrupt]));
  });
  const messages = new MessageFilter((reply) => stdout.write(`${JSON.stringify(reply)}\n`));
  const transport = new StdioServerTransport(messages, stdout);
  await server.connect(transport);
  const answered = watchReplies(transport);
  await new Promise<void>((resolve) => {
    finished(messages, () => resolve());
    interrupt.addEventListener('abort', () => resolve(), { once: true });
    pipeline(stdin, messages, () => {});
  });
  await answered();
  await server.close();
  messages.destroy(); // and with it the input, which would keep the process alive
}

/** Follows which requests still wait for their reply. The result resolves as soon as none does. */
function watchReplies(transport: StdioServerTransport): () => Promise<void> {
  const open = new Set<unknown>();
  let onIdle = (): void => {};
  const close = (id: unknown): void => {
    open.delete(id);
    if (open.size === 0) onIdle();
  };
  const receive = transport.onmessage;
  transport.onmessage = (message) => {
    if ('method' in message && 'id' in message) open.add(message.id);
    if ('method' in message && message.method === 'notifications/cancelled') close(message.params?.requestId);
    receive?.(message);
  };
  const send = transport.send.bind(transport);
  transport.send = async (message) => {
    await send(message);
    if (!('method' in message)) close(message.id);
  };
  return () =>
    new Promise((resolve) => {
      onIdle = resolve;
      if (open.size === 0) resolve();
    });
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
