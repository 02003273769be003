import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BINARY, type Binary, createBinary } from '../support/binary.ts';

const BASH_COMPLETION = '/usr/share/bash-completion/bash_completion';
const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const [hasFish, hasBash] = [has('fish'), existsSync(BASH_COMPLETION)];
for (const [name, isThere] of Object.entries({ fish: hasFish, 'bash-completion': hasBash })) {
  if (!isThere) process.stderr.write(`no ${name}: its completion is not tested\n`);
}

/** Runs a shell with `sora` on its path, in a folder with an image. */
function run(sora: Binary, program: string, args: readonly string[]): string {
  const bin = join(sora.home, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'sora'), `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' "$@"\n`);
  chmodSync(join(bin, 'sora'), 0o755);
  writeFileSync(join(sora.cwd, 'first-frame.png'), '');
  const env = { ...sora.env, HOME: sora.home, PATH: `${bin}:${process.env.PATH}` };
  const { stdout, stderr } = spawnSync(program, args, { cwd: sora.cwd, env, encoding: 'utf8', timeout: 20_000 });
  expect(stderr).toBe('');
  return stdout;
}

const LINES: readonly (readonly [line: string, completed: string])[] = [
  ['sora gal', 'gallery'],
  ['sora ls --status comp', 'completed'],
  ['sora create x -m sora-2-p', 'sora-2-pro'],
  ['sora list --profile s', 'simulator'],
];

describe.skipIf(!hasFish)('completion in fish', () => {
  it.each<readonly [string, string]>([
    ...LINES,
    ['sora create x --model=sora-2-p', '--model=sora-2-pro'],
    ['sora create x --image first', 'first-frame.png'],
  ])('completes `%s`', (line, completed) => {
    const script = `sora completion fish | source; complete -C '${line}'`;
    expect(run(createBinary(), 'fish', ['-c', script]).split(/[\t\n]/)[0]).toBe(completed);
  });
});

describe.skipIf(!hasBash)('completion in bash', () => {
  it.each<readonly [string, string]>([...LINES, ['sora create x --model=sora-2-p', 'sora-2-pro']])(
    'completes `%s`',
    (line, completed) => {
      // Readline passes a = as a word of its own.
      const words = line.split(/ |(?==)|(?<==)/);
      const script = [
        `source ${BASH_COMPLETION}; source <(sora completion bash)`,
        `COMP_LINE='${line}' COMP_POINT=${line.length} COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
        `COMP_CWORD=${words.length - 1}; compopt() { :; }; __sora_word`,
        `printf '%s\\n' "\${COMPREPLY[@]}"`,
      ];
      expect(run(createBinary(), 'bash', ['-c', script.join('\n')])).toBe(`${completed}\n`);
    },
  );
});
