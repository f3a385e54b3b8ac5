import { existsSync } from "node:fs";
import { join } from "node:path";

/** Beside the bundle (`dist/native`), or in the repository, two folders up from this file. */
export function findNativeProgram(name: string): string {
  const here = import.meta.dirname;
  const places = [join(here, "native", name), join(here, "../../dist/native", name)];
  return places.find((place) => existsSync(place)) ?? places[0] ?? name;
}
