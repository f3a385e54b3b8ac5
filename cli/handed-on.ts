import type { HandedOnFlag } from "./command.ts";

/** Takes the flags that are not a command's own, with their values, out of its arguments. */
export function takeHandedOn(
  args: readonly string[],
  flags: readonly HandedOnFlag[],
): { own: string[]; handedOn: string[] } {
  const own: string[] = [];
  const handedOn: string[] = [];
  for (let at = 0; at < args.length; at++) {
    const word = args[at] ?? "";
    if (word === "--") {
      own.push(...args.slice(at));
      break;
    }
    const [, name, value] = /^--?([a-z-]+)(=.*)?$/.exec(word) ?? [];
    const flag = flags.find((one) => one.name === name);
    if (flag === undefined) own.push(word);
    else if (flag.hasValue && value === undefined && at + 1 < args.length)
      handedOn.push(word, args[++at] ?? "");
    else handedOn.push(word);
  }
  return { own, handedOn };
}
