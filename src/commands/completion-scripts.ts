/** The scripts of `sora completion`. A candidate may be a name that a server chose, so no shell may expand it. */

/**
 * Readline splits words at characters such as `:`, `=` and `@`, and replaces only `$2`. Works in bash 3.2, the one of macOS,
 * whose `%q` leaves a tilde alone.
 */
const BASH = `# bash completion for sora
__sora() {
    local words=() last=-1 i word typed option= line value out rest
    rest=\${COMP_LINE#*"\${COMP_WORDS[0]}"}
    for ((i = 1; i <= COMP_CWORD; i++)); do
        word=\${COMP_WORDS[i]}
        if [[ $last == -1 || $rest == [[:space:]]* ]]; then
            words[++last]=$word
        else
            words[last]+=$word
        fi
        rest=\${rest#*"$word"}
    done
    typed=\${words[last]}
    [[ $typed == --*=* ]] && option=\${typed%%=*}=
    out=$(sora complete -- "\${words[@]}" 2>/dev/null)
    COMPREPLY=()
    while IFS= read -r line; do
        value=$option\${line%%$'\\t'*}
        [[ $value != "$option" && $value == "$typed"* ]] || continue
        printf -v value %q "\${value#"\${typed%"$2"}"}"
        [[ $value == "~"* ]] && value="\\\\$value"
        COMPREPLY+=("$value")
    done <<< "\${out%:*}"
    [[ \${out##*:} == 4 ]] && compopt +o default 2>/dev/null
    return 0
}
complete -o default -F __sora sora
`;

/** For both `source <(…)` and a file in `fpath`. */
const ZSH = `#compdef sora
_sora() {
    local -a values
    local line about out
    out=$(sora complete -- "\${(@)words[2,CURRENT-1]}" "$PREFIX" 2>/dev/null)
    for line in \${(f)out}; do
        [[ $line == :<-> ]] && continue
        about=\${line#*$'\\t'}
        values+=("\${\${line%%$'\\t'*}//:/\\\\:}\${about:+:$about}")
    done
    [[ $PREFIX == --*=* ]] && compset -P '*='
    if (( $#values )); then
        _describe -V sora values
    elif [[ $out != *:4 ]]; then
        _files
    fi
}
if [[ $funcstack[1] == _sora ]]; then _sora "$@"; else compdef _sora sora; fi
`;

const FISH = `# fish completion for sora
function __sora_complete
    set -l words (commandline -opc)
    set -e words[1]
    set -l typed (commandline -ct)
    set -l option (string match -r -- '^--[^=]+=' "$typed")
    set -l lines (sora complete -- $words "$typed" 2>/dev/null)
    if test "$lines[1]" = :0
        for path in (complete -C "'' "(string replace -r -- '^--[^=]+=' '' "$typed"))
            echo "$option$path"
        end
        return
    end
    for line in $lines
        string match -qr '^:\\d+$' -- $line; or echo "$option$line"
    end
end
complete -c sora -f -a '(__sora_complete)'
`;

/** Windows PowerShell drops empty arguments. A value that PowerShell would expand is put in quotes. */
const POWERSHELL = `# PowerShell completion for sora
Register-ArgumentCompleter -Native -CommandName sora -ScriptBlock {
    param($typed, $line, $cursor)
    $words = @($line.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursor } | ForEach-Object { $_.Extent.Text })
    $last = if ($typed -eq '' -and $PSVersionTable.PSVersion -lt [version]'7.3') { '""' } else { "$typed" }
    $option = if ($typed -match '^--[^=]+=') { $Matches[0] } else { '' }
    foreach ($found in (sora complete -- @words $last 2>$null)) {
        if ($found -match '^:\\d+$') { continue }
        $value, $about = $found -split [char]9, 2
        if (-not $about) { $about = $value }
        $text = if ($value -match '^[\\w.:/=+-]+$') { $value } else { "'" + $value.Replace("'", "''") + "'" }
        [System.Management.Automation.CompletionResult]::new("$option$text", $value, 'ParameterValue', $about)
    }
}
`;

export const COMPLETION_SCRIPTS: ReadonlyMap<string, string> = new Map([
  ['bash', BASH],
  ['zsh', ZSH],
  ['fish', FISH],
  ['powershell', POWERSHELL],
]);
