import type { Command, HandedOnFlag, OwnCommand } from "../command.ts";

export interface Word {
  word: string;
  summary: string;
}

export interface CompletedOption {
  long: string;
  short: string | undefined;
  hasValue: boolean;
  summary: string;
}

/** What may follow the words of a path: `[]` is `statigo` itself, `["image", "build"]` a command of two words. */
export interface Level {
  path: readonly string[];
  words: readonly Word[];
  options: readonly CompletedOption[];
}

const help: CompletedOption = { long: "help", short: "h", hasValue: false, summary: "show the help text" };
const version: CompletedOption = {
  long: "version",
  short: "v",
  hasValue: false,
  summary: "show the versions",
};

export function listLevels(commands: readonly Command[]): Level[] {
  const words = [...commands.map(toWord), { word: "help", summary: "More about one command" }];
  const inside = commands.flatMap((command) => levelsOf(command, [command.name]));
  return [
    { path: [], words, options: [help, version] },
    { path: ["help"], words: commands.map(toWord), options: [] },
    ...inside,
  ];
}

function levelsOf(command: Command, path: readonly string[]): Level[] {
  switch (command.kind) {
    case "own":
      return [{ path, words: command.words ?? [], options: optionsOf(command) }];
    case "process":
      return [{ path, words: command.words ?? [], options: [...(command.flags ?? []).map(toOption), help] }];
    case "group":
      return [
        { path, words: command.commands.map(toWord), options: [help] },
        ...command.commands.flatMap((inner) => levelsOf(inner, [...path, inner.name])),
      ];
  }
}

function toWord({ name, summary }: Command): Word {
  return { word: name, summary };
}

function optionsOf({ options, handsOn = [] }: OwnCommand): CompletedOption[] {
  const own = Object.entries(options).map(([long, { type, short, summary }]) => {
    return { long, short, hasValue: type === "string", summary };
  });
  return [...own, ...handsOn.map(toOption), help];
}

function toOption({ name, hasValue, summary }: HandedOnFlag): CompletedOption {
  return { long: name, short: undefined, hasValue, summary };
}
