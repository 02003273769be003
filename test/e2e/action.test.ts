import { spawnSync } from 'node:child_process';
import { readdirSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { describe, expect, it } from 'vitest';
import { createTemporaryFolder } from '../support/temporary-folder.ts';

const ROOT = resolve(import.meta.dirname, '../..');

/** Runs the step of the action like a runner. */
function runAction(inputs: Readonly<Record<string, string>>) {
  const folder = createTemporaryFolder();
  const [output, summary] = [join(folder, 'output'), join(folder, 'summary')];
  const empty = { SORA_BASE_URL: '', SORA_API_KEY: '', SORA_MODEL: '', INPUT_DIALECT: '', INPUT_ACCESS_CHECK: 'false' };
  const { status, stdout } = spawnSync(process.execPath, [join(ROOT, 'scripts/action.mjs')], {
    encoding: 'utf8',
    env: { ...empty, ...inputs, RUNNER_TEMP: folder, GITHUB_OUTPUT: output, GITHUB_STEP_SUMMARY: summary },
  });
  const lines = readFileSync(output, 'utf8').trim().split('\n');
  const outputs = Object.fromEntries(lines.map((line) => line.split(/=(.*)/s)));
  return { status, stdout, outputs, summary: readFileSync(summary, 'utf8') };
}

describe('the action', () => {
  it('passes with the simulator when no server is named', () => {
    const { status, outputs, summary } = runAction({});
    expect({ status, ok: outputs.ok, code: outputs['exit-code'] }).toEqual({ status: 0, ok: 'true', code: '0' });
    expect(JSON.parse(readFileSync(outputs.report ?? '', 'utf8'))).toMatchObject({ ok: true, profile: 'simulator' });
    expect(summary).toContain('### sora doctor: ok');
  });

  it('exits with the code of doctor, and annotates failures', () => {
    const key = 'sk-action-0123456789';
    const { status, stdout, outputs, summary } = runAction({
      SORA_BASE_URL: 'http://127.0.0.1:1/v1',
      SORA_API_KEY: key,
    });
    expect({ status, ok: outputs.ok, code: outputs['exit-code'] }).toEqual({ status: 1, ok: 'false', code: '1' });
    expect(stdout).toMatch(/^::error title=TCP::/m);
    expect(summary).toMatch(/^\| fail \| TCP \|/m);
    expect(stdout + summary).not.toContain(key);
  });

  it.each([
    ['abc', '2'],
    ['none', '1'],
  ])('takes the maximum cost %s, and exits with %s', (cost, code) => {
    const paid = { SORA_BASE_URL: 'http://127.0.0.1:1/v1', INPUT_ACCESS_CHECK: 'true', INPUT_MAX_COST: cost };
    expect(runAction(paid).outputs).toMatchObject({ ok: 'false', 'exit-code': code });
  });
});

it('every action is pinned by its hash', () => {
  const workflows = readdirSync(join(ROOT, '.github/workflows')).map((name) => join('.github/workflows', name));
  const files = [...workflows, 'action.yml', 'docs/examples/sora-smoke.yml'];
  const uses = files.flatMap((name) => readFileSync(join(ROOT, name), 'utf8').match(/uses: .*/g) ?? []);
  expect(uses.length).toBeGreaterThan(5);
  for (const use of uses) expect(use).toMatch(/^uses: [\w-]+\/[\w-]+@[\da-f]{40} # v\d+\.\d+\.\d+$/);
});
