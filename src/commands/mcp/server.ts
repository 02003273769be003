import { finished, pipeline } from 'node:stream';
import { Server } from '@modelcontextprotocol/sdk/server/index.js';
import { StdioServerTransport } from '@modelcontextprotocol/sdk/server/stdio.js';
import {
  CallToolRequestSchema,
  type CallToolResult,
  ErrorCode,
  ListToolsRequestSchema,
  McpError,
  type ProgressToken,
  type ServerNotification,
} from '@modelcontextprotocol/sdk/types.js';
import { AjvJsonSchemaValidator } from '@modelcontextprotocol/sdk/validation/ajv';
import type { Clock } from '../../platform/clock.ts';
import type { Host } from '../../platform/host.ts';
import { every } from '../../platform/timeout.ts';
import { MessageFilter } from './message-filter.ts';
import { JOBS, type Tool, type ToolInput } from './tools.ts';

export type CallTool = (tool: Tool, input: ToolInput, signal: AbortSignal) => Promise<CallToolResult>;

/** A client may extend the timeout of a call with each report. */
const PROGRESS_MS = 5_000;

/** Serves tools over the standard streams until the client closes its end or an interrupt arrives, and open calls have ended. */
export async function serveTools(
  tools: readonly Tool[],
  call: CallTool,
  { version, stdin, stdout, interrupt, clock }: Pick<Host, 'version' | 'stdin' | 'stdout' | 'interrupt' | 'clock'>,
): Promise<void> {
  const validator = new AjvJsonSchemaValidator();
  const callable = new Map(
    tools.map((tool) => [tool.name, { tool, check: validator.getValidator<ToolInput>(tool.inputSchema) }]),
  );
  const server = new Server({ name: 'sora', title: 'sora', version }, { capabilities: { tools: {} } });
  server.setRequestHandler(ListToolsRequestSchema, () => ({ tools: tools.map(describe) }));
  server.setRequestHandler(CallToolRequestSchema, async ({ params }, { signal, _meta, sendNotification }) => {
    const known = callable.get(params.name);
    if (known === undefined) throw new McpError(ErrorCode.InvalidParams, `no tool is called ${params.name}`);
    const checked = known.check(params.arguments ?? {});
    if (!checked.valid) throw new McpError(ErrorCode.InvalidParams, `${params.name}: ${checked.errorMessage}`);
    const stopProgress = reportProgress(_meta?.progressToken, sendNotification, clock);
    try {
      return await call(known.tool, checked.data, AbortSignal.any([signal, interrupt]));
    } finally {
      stopProgress();
    }
  });
  stdout.setMaxListeners(0); // each reply that waits for the client adds one
  const messages = new MessageFilter(stdout);
  const transport = new StdioServerTransport(messages, stdout);
  await server.connect(transport);
  const answered = watchReplies(transport);
  const isLost = new Promise<void>((resolve) => stdout.once('close', resolve));
  const hasEnded = new Promise<void>((resolve) => {
    finished(messages, () => resolve());
    interrupt.addEventListener('abort', () => resolve(), { once: true });
    pipeline(stdin, messages, () => {});
  });
  await Promise.race([hasEnded, isLost]);
  await Promise.race([answered(), isLost]); // nobody reads the replies then
  await server.close();
  messages.destroy(); // and with it the input, which would keep the process alive
}

/** Reports how many seconds a call has taken, to a client that asks for progress, until the result is called. */
function reportProgress(
  progressToken: ProgressToken | undefined,
  send: (notification: ServerNotification) => Promise<void>,
  clock: Pick<Clock, 'alarm' | 'uptimeMs'>,
): () => void {
  if (progressToken === undefined) return () => {};
  const startMs = clock.uptimeMs();
  return every(clock, PROGRESS_MS, () => {
    const progress = Math.round((clock.uptimeMs() - startMs) / 1000);
    return send({ method: 'notifications/progress', params: { progressToken, progress } });
  });
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

function describe({ name, title, description, inputSchema, outputSchema = JOBS, effect }: Tool) {
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
