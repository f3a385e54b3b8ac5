/** What has to be shipped. */
import type { Scenario } from "./scenario.ts";
import { executableSizes } from "./subjects.ts";

export const sizeScenario: Scenario = {
  title: "Size",
  how: "the program, and with the shared libraries that ldd names; modules loaded later are left out",
  measures: [
    { name: "program", unit: "kB", better: "less", digits: 0, bar: { kind: "at most", value: 400 } },
    { name: "with its libraries", unit: "kB", better: "less", digits: 0 },
  ],
  run: async ({ subject }) => {
    const { own, withLibraries } = executableSizes(subject);
    return [own / 1000, withLibraries / 1000];
  },
};
