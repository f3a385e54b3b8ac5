import type { Level } from "./level.ts";

/** fish completes file names by itself where nothing says otherwise. */
export function fishScript(levels: readonly Level[]): string {
  const lines = levels.flatMap(({ path, words, options }) => [
    ...words.map(({ word, summary }) => {
      return `complete -c statigo -n ${quote(`__statigo_is_at exactly ${path.join(" ")}`.trim())} -a ${word} -d ${quote(summary)}`;
    }),
    ...options.map(({ long, short, hasValue, summary }) => {
      const spelling = short === undefined ? `-l ${long}` : `-l ${long} -s ${short}`;
      const condition = quote(`__statigo_is_at within ${path.join(" ")}`.trim());
      return `complete -c statigo -n ${condition} ${spelling}${hasValue ? " -r" : ""} -d ${quote(summary)}`;
    }),
  ]);
  const inner = levels.map(({ path }) => path.join(" ")).filter((path) => path.includes(" "));
  return `# fish completion of statigo: statigo completion fish | source, or a file in ~/.config/fish/completions
# Whether the words typed so far begin with a command's, and with those alone (exactly).
function __statigo_is_at
    set -l typed (commandline -opc)[2..]
    set -l path $argv[2..]
    set -l count (count $path)
    if test $argv[1] = exactly
        test "$typed" = "$path"
        return
    end
    if test $count -eq 0
        test (count $typed) -eq 0
        return
    end
    test (count $typed) -ge $count; or return 1
    test "$typed[1..$count]" = "$path"; or return 1
    # A command of two words has options of its own.
    if test $count -eq 1 -a (count $typed) -ge 2
        not contains -- "$typed[1..2]" ${inner.map(quote).join(" ")}
    end
end
${lines.join("\n")}
`;
}

function quote(text: string): string {
  return `'${text.replaceAll("\\", "\\\\").replaceAll("'", "\\'")}'`;
}
