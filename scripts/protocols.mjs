// The libraries of `sora mcp` and `sora serve`, in one file because they share zod.
export * from '@hono/zod-openapi';
export * from '@modelcontextprotocol/sdk/server/index.js';
export * from '@modelcontextprotocol/sdk/server/stdio.js';
export * from '@modelcontextprotocol/sdk/types.js';
export * from '@modelcontextprotocol/sdk/validation/ajv';
