import { defineCommand } from '../app/command.ts';
import { SoraError } from '../domain/errors.ts';
import { COMPLETION_SCRIPTS } from './completion-scripts.ts';

const SHELLS = [...COMPLETION_SCRIPTS.keys()];

export const completionCommand = defineCommand({
  name: 'completion',
  description:
    'Prints a script that completes commands, options, their values, profiles, models and recent ids. Load it in the start-up file of the shell. The PowerShell script is untested.',
  arguments: [{ form: '<shell>', summary: SHELLS.join(', ') }],
  json: '',
  errors: ['usage'],
  examples: [
    ['eval "$(sora completion bash)"', 'complete in this bash; add the line to ~/.bashrc'],
    ['source <(sora completion zsh)', 'for zsh, after compinit; add the line to ~/.zshrc'],
    ['sora completion fish > ~/.config/fish/completions/sora.fish', 'for fish; takes effect in new shells'],
    ['sora completion powershell | Out-String | Invoke-Expression', 'for PowerShell; add the line to $PROFILE'],
  ],

  async run({ args: [shell = ''] }) {
    const script = COMPLETION_SCRIPTS.get(shell);
    if (script !== undefined) return { answer: { data: {}, view: () => script } };
    throw new SoraError('usage', {
      title: `there is no completion for \`${shell}\``,
      hints: [`choose one of ${SHELLS.join(', ')}`],
    });
  },
});
