#!/usr/bin/env node
// The version is printed before anything else is loaded. CommonJS: Node's loader of ES modules alone takes a fifth of
// Node's own start.
const { readFileSync } = require('node:fs');
const { join } = require('node:path');

const [major, minor] = process.versions.node.split('.').map(Number);
const { version } = JSON.parse(readFileSync(join(__dirname, '../package.json'), 'utf8'));
const [first, ...rest] = process.argv.slice(2);

async function main() {
  process.exitCode = 1; // for a run that ends before it has a result
  try {
    process.cwd();
  } catch ({ message }) {
    process.stderr.write(
      `error: could not read the working folder\n  caused by: ${message}\n\nhint: change to a folder that exists\n`,
    );
    return;
  }
  const { nodeHost, runCli } = require('../dist/launch.js').loadProgram(process);
  // Never process.exit(): it would cut off output that is still on its way into a pipe.
  process.exitCode = await runCli(nodeHost(version, join(__dirname, '../dist')));
}

if (major < 20 || (major === 20 && minor < 19)) {
  process.stderr.write(`error: sora needs Node 20.19 or newer, this is ${process.versions.node}\n`);
  process.exitCode = 1;
} else if (rest.length === 0 && (first === '--version' || first === '-V')) {
  process.stdout.on('error', ({ code, message }) => {
    if (code === 'EPIPE') return; // the reader has gone
    process.exitCode = 1;
    process.stderr.write(
      `error: could not write the output\n  caused by: ${message}\n\nhint: write to another place, or free some space\n`,
    );
  });
  process.stdout.write(`${version}\n`);
} else {
  main();
}
