import { defineCommand } from '../app/command.ts';
import { SoraError } from '../domain/errors.ts';

/** Adds what the script for bash is missing: values after `=`, which readline treats as separate words, and file names. */
const BASH_ADDITION = `
__sora_word() {
    local cur prev words cword
    _get_comp_words_by_ref -n "=:" cur prev words cword
    if [[ $cur != --*=* ]]; then
        __sora_complete
        return
    fi
    local IFS=$'\\n'
    COMPREPLY=($(compgen -W "$(sora complete -- "\${words[@]:1}" 2>/dev/null | sed '$d' | cut -f1)" -- "\${cur#*=}"))
}
complete -o default -F __sora_word sora
`;

const SHELLS = ['bash', 'zsh', 'fish', 'powershell'];

export const completionCommand = defineCommand({
  name: 'completion',
  description:
    'Prints a script that completes commands, options, their values, profiles, models and recent ids. Load it in the start-up file of the shell; bash needs the package bash-completion. The PowerShell script is untested.',
  arguments: [{ form: '<shell>', summary: SHELLS.join(', ') }],
  json: '',
  errors: ['usage'],
  examples: [
    ['source <(sora completion bash)', 'complete in this bash; add the line to ~/.bashrc'],
    ['sora completion fish > ~/.config/fish/completions/sora.fish', 'for fish; takes effect in new shells'],
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
    return shell === 'bash' ? { answer: { data: {}, view: () => BASH_ADDITION } } : {};
  },
});
