/** What stands for `@@name@@` in a part. The mark is none of a shell's, HCL's, Consul's, Compose's or a CI's own. */
export type Values = Readonly<Record<string, string>>;

/**
 * Puts the values in. A mark that is a line of its own stands for lines: they get its indentation, and nothing at all
 * is left of it when the value is empty. A name without a value is a mistake in the part: it throws.
 */
export function substitute(text: string, values: Values): string {
  const valueNamed = (name: string): string => {
    const value = values[name];
    if (value === undefined) throw new Error(`a part asks for @@${name}@@, which nothing has a value for`);
    return value;
  };
  return text
    .replaceAll(/^([ \t]*)@@(\w+)@@\n/gm, (_line, indentation: string, name: string) =>
      valueNamed(name)
        .split("\n")
        .map((line) => (line === "" ? "" : `${indentation}${line}`))
        .join("\n")
        .replace(/[^\n]$/, "$&\n"),
    )
    .replaceAll(/@@(\w+)@@/g, (_mark, name: string) => valueNamed(name));
}
