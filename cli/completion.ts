import { type Command, type OwnCommand, UsageError } from "./command.ts";
import { bashScript } from "./completion/bash.ts";
import { fishScript } from "./completion/fish.ts";
import { type Level, listLevels } from "./completion/level.ts";
import { zshScript } from "./completion/zsh.ts";

const scripts: Readonly<Record<string, (levels: readonly Level[]) => string>> = {
  bash: bashScript,
  zsh: zshScript,
  fish: fishScript,
};

/** @param list of the commands that are completed, with this one */
export function createCompletionCommand(list: () => readonly Command[]): OwnCommand {
  return {
    kind: "own",
    name: "completion",
    usage: "statigo completion <bash | zsh | fish>",
    summary: "Print what makes your shell complete the commands and their options",
    details: () =>
      [
        'bash: eval "$(statigo completion bash)" in ~/.bashrc',
        "zsh:  source <(statigo completion zsh) in ~/.zshrc, behind compinit",
        "fish: statigo completion fish > ~/.config/fish/completions/statigo.fish",
      ].join("\n"),
    words: Object.keys(scripts).map((word) => ({ word, summary: `for ${word}` })),
    options: {},
    run: async ({ positionals: [shell, ...extra] }) => {
      const script = shell === undefined ? undefined : scripts[shell];
      if (script === undefined || extra.length > 0)
        throw new UsageError(`which shell? One of: ${Object.keys(scripts).join(", ")}`);
      process.stdout.write(script(listLevels(list())));
      return 0;
    },
  };
}
