import { spawnSync } from 'node:child_process';
import { chmodSync, existsSync, mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { BINARY, type Binary, createBinary } from '../support/binary.ts';
import { startScriptedServer } from '../support/scripted-server.ts';

const has = (program: string): boolean => spawnSync(program, ['--version']).status === 0;
const [hasFish, hasZsh, hasBash] = [has('fish'), has('zsh'), has('bash')];
for (const [name, isThere] of Object.entries({ fish: hasFish, zsh: hasZsh, bash: hasBash })) {
  if (!isThere) process.stderr.write(`no ${name}: its completion is not tested\n`);
}

/** Runs a shell with `sora` on its path, in a folder with an image. */
function run(sora: Binary, program: string, args: readonly string[]): string {
  const bin = join(sora.home, 'bin');
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, 'sora'), `#!/bin/sh\nexec '${process.execPath}' '${BINARY}' "$@"\n`);
  chmodSync(join(bin, 'sora'), 0o755);
  writeFileSync(join(sora.cwd, 'first-frame.png'), '');
  writeFileSync(join(sora.cwd, 'last frame.png'), '');
  const env = { ...sora.env, HOME: sora.home, PATH: `${bin}:${process.env.PATH}` };
  const { stdout, stderr } = spawnSync(program, args, { cwd: sora.cwd, env, encoding: 'utf8', timeout: 50_000 });
  expect(stderr).toBe('');
  return stdout;
}

const LINES: readonly (readonly [line: string, completed: string])[] = [
  ['sora gal', 'gallery'],
  ['sora ls --status comp', 'completed'],
  ['sora create x -m sora-2-p', 'sora-2-pro'],
  ['sora list --profile s', 'simulator'],
  ['sora create x -a 9', '9:16'],
];

/** A server chooses its ids; this one is a command for a shell that expands it, and short enough to be offered. */
const HOSTILE = '$(>own)`>own`';

async function binaryWithHostileId(): Promise<Binary> {
  const sora = createBinary();
  const { url } = await startScriptedServer(() => ({ body: { id: HOSTILE, object: 'video', status: 'queued' } }));
  const { code } = await sora.start(['create', 'evil', '--base-url', url, '--detach']).ended;
  expect(code).toBe(0);
  return sora;
}

describe.skipIf(!hasFish)('completion in fish', () => {
  it.each<readonly [string, string]>([
    ...LINES,
    ['sora create x --model=sora-2-p', '--model=sora-2-pro'],
    ['sora create x --image first', 'first-frame.png'],
    ['sora create x --image last\\\\ f', 'last frame.png'],
    ['sora create x --last-frame="last f', '--last-frame=last frame.png'],
  ])('completes `%s`', (line, completed) => {
    const script = `sora completion fish | source; complete -C '${line}'`;
    expect(run(createBinary(), 'fish', ['-c', script]).split(/[\t\n]/)[0]).toBe(completed);
  });
});

describe.skipIf(!hasZsh)('completion in zsh', () => {
  /** The values that zsh would offer, in its own notation. */
  const offer = (sora: Binary, line: string): string => {
    const words = line.split(' ');
    const script = [
      'compdef() { :; }; compset() { :; }; _describe() { print -rl -- $values; }; source <(sora completion zsh)',
      `words=(${words.map((word) => `'${word}'`).join(' ')}) CURRENT=${words.length} PREFIX='${words.at(-1)}'`,
      '_sora',
    ];
    return run(sora, 'zsh', ['-f', '-c', script.join('\n')]);
  };

  it.each(LINES)('completes `%s`', (line, completed) => {
    const [value] = offer(createBinary(), line).split(/(?<!\\):|\n/);
    expect(value?.replace('\\:', ':')).toBe(completed);
  });

  it('expands nothing that a server chose', async () => {
    const sora = await binaryWithHostileId();
    expect(offer(sora, 'sora status ')).toContain(HOSTILE);
    expect(existsSync(join(sora.cwd, 'own'))).toBe(false);
  });
});

describe.skipIf(!hasBash)('completion in bash', () => {
  const complete = (sora: Binary, line: string): string => {
    // Bash passes =, : and @ as words of their own; readline replaces what follows the last of them, an @ included.
    const words = line.split(/ |(?=[=:@])|(?<=[=:@])/);
    const replaced = /(?:@|(?<![^ =:]))[^ =:@]*$/.exec(line)?.[0] ?? '';
    const script = [
      'source <(sora completion bash); source <(sora completion bash)',
      `COMP_LINE='${line}' COMP_WORDS=(${words.map((word) => `'${word}'`).join(' ')})`,
      `COMP_CWORD=${words.length - 1}; compopt() { :; }; __sora sora '${replaced}'`,
      `printf '%s\\n' "\${COMPREPLY[@]}"`,
    ];
    return run(sora, 'bash', ['--norc', '-c', script.join('\n')]);
  };

  it.each<readonly [string, string]>([
    ...LINES,
    ['sora create x --model=sora-2-p', 'sora-2-pro'],
    ['sora create x -a 9:', '16'],
    ['sora create x --aspect-ratio=9:1', '16'],
    ['sora download @la', '@last'],
    ['sora open @', '@last'],
    ['sora create x --from=@', '@last'],
  ])('completes `%s`', (line, completed) => {
    expect(complete(createBinary(), line)).toBe(`${completed}\n`);
  });

  it('expands nothing that a server chose, and quotes it', async () => {
    const sora = await binaryWithHostileId();
    expect(complete(sora, 'sora status ')).toContain('own\\`');
    expect(existsSync(join(sora.cwd, 'own'))).toBe(false);
  });
});
