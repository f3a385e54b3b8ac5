import type { Level, Word } from "./level.ts";

/** Words and options with what they mean; file names where nothing of ours fits, and for values of options. */
export function zshScript(levels: readonly Level[]): string {
  const cases = levels.map(({ path, words, options }) => {
    const described = options.map(({ long, summary }): Word => ({ word: `--${long}`, summary }));
    const valued = options
      .filter(({ hasValue }) => hasValue)
      .flatMap(({ long, short }) => [`--${long}`, ...(short === undefined ? [] : [`-${short}`])]);
    return `    '${path.join(" ")}')
      subcommands=(${words.map(describe).join(" ")})
      flags=(${described.map(describe).join(" ")})
      valued=(${valued.map(quote).join(" ")})
      ;;`;
  });
  const paths = levels.filter(({ path }) => path.length > 0).map(({ path }) => `'${path.join(" ")}'`);
  return `#compdef statigo
# zsh completion of statigo: a file named _statigo in a folder of $fpath, or source <(statigo completion zsh)
_statigo() {
  local path_so_far='' try='' index
  local -a subcommands flags valued
  for ((index = 2; index < CURRENT && index < 4; index++)); do
    try="\${path_so_far:+$path_so_far }\${words[index]}"
    case "$try" in
    ${paths.join("|")}) path_so_far="$try" ;;
    *) break ;;
    esac
  done
  case "$path_so_far" in
${cases.join("\n")}
  esac
  if ((\${valued[(Ie)\${words[CURRENT-1]}]})); then
    _files
  elif [[ $PREFIX == -* ]]; then
    _describe -o 'option' flags
  elif ((index == CURRENT && $#subcommands)); then
    _describe 'command' subcommands || _files
  else
    _files
  fi
}
if [[ $funcstack[1] == _statigo ]]; then _statigo "$@"; else compdef _statigo statigo; fi
`;
}

function describe({ word, summary }: Word): string {
  return quote(`${word.replaceAll(":", "\\:")}:${summary}`);
}

function quote(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`;
}
