import type { CompletedOption, Level } from "./level.ts";

/** Where nothing of ours fits, and for values of options, bash completes file names (`-o default`). */
export function bashScript(levels: readonly Level[]): string {
  const cases = levels.map(
    ({ path, words, options }) => `    '${path.join(" ")}')
      words='${words.map(({ word }) => word).join(" ")}'
      options='${options.flatMap(spellings).join(" ")}'
      valued='${options
        .filter(({ hasValue }) => hasValue)
        .flatMap(spellings)
        .join(" ")}'
      ;;`,
  );
  const paths = levels.filter(({ path }) => path.length > 0).map(({ path }) => `'${path.join(" ")}'`);
  return `# bash completion of statigo: eval "$(statigo completion bash)", or a file in /etc/bash_completion.d
_statigo() {
  local current="\${COMP_WORDS[COMP_CWORD]}" previous="\${COMP_WORDS[COMP_CWORD-1]}"
  local path='' try='' index words='' options='' valued=''
  COMPREPLY=()
  for ((index = 1; index < COMP_CWORD && index < 3; index++)); do
    try="\${path:+$path }\${COMP_WORDS[index]}"
    case "$try" in
    ${paths.join("|")}) path="$try" ;;
    *) break ;;
    esac
  done
  case "$path" in
${cases.join("\n")}
  esac
  if [[ " $valued " == *" $previous "* ]]; then return; fi
  if [[ $current == -* ]]; then
    COMPREPLY=($(compgen -W "$options" -- "$current"))
  elif ((index == COMP_CWORD)); then
    COMPREPLY=($(compgen -W "$words" -- "$current"))
  fi
}
complete -o default -F _statigo statigo
`;
}

function spellings({ long, short }: CompletedOption): string[] {
  return short === undefined ? [`--${long}`] : [`--${long}`, `-${short}`];
}
