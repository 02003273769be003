import { defineCommand } from '../app/command.ts';
import { SoraError } from '../domain/errors.ts';

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'];

export const completionCommand = defineCommand({
  name: 'completion',
  description:
    'Prints a script that completes commands, options, their values, profiles, models and recent ids. Load it in the start-up file of the shell; bash needs the package bash-completion.',
  arguments: [{ form: '<shell>', summary: SHELLS.join(', ') }],
  options: {},
  json: '',
  errors: ['usage'],
  examples: [
    ['source <(sora completion bash)', 'complete in this bash; add the line to ~/.bashrc'],
    ['sora completion fish > ~/.config/fish/completions/sora.fish', 'for fish, from its next start on'],
  ],

  async run({ args: [shell = ''] }) {
    if (!SHELLS.includes(shell)) {
      throw new SoraError('usage', {
        title: `there is no completion for \`${shell}\``,
        hints: [`choose one of ${SHELLS.join(', ')}`],
      });
    }
    const { script } = await import('@bomb.sh/tab');
    script(shell, 'sora', 'sora'); // it writes to standard output itself
    return {};
  },
});
