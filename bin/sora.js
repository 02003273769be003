#!/usr/bin/env node
// Only what every run needs: the version answers before anything else is loaded.
import { readFileSync } from 'node:fs';

const [major, minor] = process.versions.node.split('.').map(Number);
const { version } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8'));
const [first, ...rest] = process.argv.slice(2);

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`error: sora needs Node 20.19 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else if (rest.length === 0 && (first === '--version' || first === '-V')) {
  process.stdout.write(`${version}\n`);
} else {
  // A reader that has gone away (`| head`) is no error of ours.
  for (const stream of [process.stdout, process.stderr]) {
    stream.on('error', (error) => {
      if (error.code !== 'EPIPE' && error.code !== 'ERR_STREAM_DESTROYED') throw error;
    });
  }
  const { nodeHost, runCli } = await import('../dist/sora.js');
  // Never process.exit(): it would cut what is still on its way into a pipe.
  process.exitCode = await runCli(nodeHost(version));
}
