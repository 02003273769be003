// What `sora mcp` uses of the Model Context Protocol's SDK, which spreads it over four entry points.
export * from '@modelcontextprotocol/sdk/server/index.js';
export * from '@modelcontextprotocol/sdk/server/stdio.js';
export * from '@modelcontextprotocol/sdk/types.js';
export * from '@modelcontextprotocol/sdk/validation/ajv';
