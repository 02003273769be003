import { readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { parse } from 'yaml';
import { nodeHttp } from '../../src/platform/http.ts';
import { parseCommandLine } from '../../src/program.ts';
import { createCommandLine } from '../support/command-line.ts';
import { type ScriptedReply, startScriptedServer } from '../support/scripted-server.ts';

const ROOT = resolve(import.meta.dirname, '../..');
const EXAMPLE = 'examples/sora-smoke.yml';

interface Step {
  readonly uses?: string;
  readonly run?: string;
  readonly env?: Readonly<Record<string, string>>;
}

interface Workflow {
  readonly on: Readonly<Record<string, unknown>>;
  readonly jobs: Readonly<Record<string, { readonly 'runs-on': string; readonly steps: readonly Step[] }>>;
}

const workflow: Workflow = parse(readFileSync(join(ROOT, 'docs', EXAMPLE), 'utf8'));
const steps = Object.values(workflow.jobs).flatMap((job) => job.steps);
const commands = steps.flatMap(({ run = '' }) => run.split('\n')).filter((line) => line.startsWith('sora '));
const guide = readFileSync(join(ROOT, 'docs/ci.md'), 'utf8');

/** The arguments of `sora` in a shell command, without redirections. */
function argumentsOf(line: string): string[] {
  return line
    .replace(/\s[|>].*$/, '')
    .split(' ')
    .slice(1);
}

describe('the example of a smoke test', () => {
  it('is a workflow that the guide links to', () => {
    expect(Object.keys(workflow.on)).toEqual(['push', 'schedule', 'workflow_dispatch']);
    for (const job of Object.values(workflow.jobs)) expect(job['runs-on']).toBe('ubuntu-latest');
    for (const { uses, run } of steps) expect([uses, run].filter((does) => does !== undefined)).toHaveLength(1);
    expect(guide).toContain(`](${EXAMPLE})`);
  });

  it('installs this package', () => {
    const { name } = JSON.parse(readFileSync(join(ROOT, 'package.json'), 'utf8'));
    expect(steps.map(({ run }) => run)).toContain(`npm install --global ${name}`);
  });

  it.each([...commands, ...(guide.match(/^sora .*$/gm) ?? [])])('runs an existing command: %s', async (line) => {
    const streams = { version: '', writeOut: () => {}, columns: 80 };
    expect(await parseCommandLine(argumentsOf(line), streams)).toMatchObject({ definition: { name: 'doctor' } });
  });

  it.each<[string, ScriptedReply, number]>([
    ['a working server', { body: { data: [] } }, 0],
    ['a rejected key', { status: 401, body: '{}' }, 4],
  ])('exits correctly with %s, and creates no video', async (_, reply, exitCode) => {
    const server = await startScriptedServer([reply]);
    const env = { SORA_BASE_URL: server.url, SORA_API_KEY: 'sk-smoke-0123456789' };
    const codes = [];
    for (const line of commands) {
      codes.push((await createCommandLine().run(argumentsOf(line), { env, http: nodeHttp })).code);
    }
    expect({ codes, asked: server.requests.every(({ method }) => method === 'GET') }).toEqual({
      codes: [0, exitCode],
      asked: true,
    });
  });

  it('is free, and passes the key only to sora', () => {
    expect(commands).toHaveLength(2);
    expect(commands.join('\n')).not.toMatch(/--yes|-y\b/);
    const keyed = steps.filter(({ env = {} }) => JSON.stringify(env).includes('secrets.'));
    expect(keyed.map(({ run }) => run)).toEqual(['sora doctor --json > doctor.json']);
  });
});
