/** One flag: how it is written, in the help, on the command line and as a variable. */
import { textAt } from "../text.ts";
import { applyBoolean, applyText } from "./flag-effects.ts";
import { parseBool } from "./flag-values.ts";
import type { Options } from "./options.ts";

/** A flag as the help and the README list it. `argument` is "" for a boolean, `defaultText` "" for a command. */
export class Flag {
  readonly name: string;
  readonly argument: string;
  readonly defaultText: string;
  readonly meaning: string;
  /** What stands above it in the help, or "". */
  readonly heading: string;
  constructor(name: string, argument: string, defaultText: string, meaning: string, heading: string) {
    this.name = name;
    this.argument = argument;
    this.defaultText = defaultText;
    this.meaning = meaning;
    this.heading = heading;
  }

  /** The variable that gives it, or "": a command is never taken from the environment. */
  variable(): string {
    return this.defaultText === "" ? "" : `STATIGO_${this.name.toUpperCase().split("-").join("_")}`;
  }

  helpLine(): string {
    const isText = this.argument !== "";
    const name = `  --${this.name}${isText ? ` <${this.argument}>` : ""}`;
    const heading = this.heading === "" ? "" : `\n${this.heading}:\n`;
    return `${heading}${name.padEnd(33)}${this.meaning}${isText ? ` (${this.defaultText})` : ""}`;
  }

  /** Takes a value; `source` is the flag or variable that gave it, for the error. */
  apply(options: Options, value: string, source: string): void {
    const boolean = parseBool(value);
    options.sources.set(this.name, source);
    if (this.argument !== "") applyText(options, this.name, value);
    else if (boolean < 0) options.error = `${source} is true or false, not "${value}"`;
    else applyBoolean(options, this.name, boolean === 1);
  }

  applyVariable(options: Options, environment: (name: string) => string): void {
    const variable = this.variable();
    const value = variable === "" || options.error !== "" ? "" : environment(variable);
    if (value !== "") this.apply(options, value, variable);
  }

  /**
   * Takes the flag as the command line has it.
   * @param value after `=`
   * @param following the words after it
   * @returns how many of them it took
   */
  read(options: Options, hasValue: boolean, value: string, following: readonly string[]): number {
    const name = `--${this.name}`;
    if (hasValue) this.apply(options, value, name);
    else if (this.argument === "") this.apply(options, "true", name);
    else if (following.length === 0) options.error = `${name} needs a value: ${name} <${this.argument}>`;
    else {
      this.apply(options, textAt(following, 0), name);
      return 1;
    }
    return 0;
  }
}
