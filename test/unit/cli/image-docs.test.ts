import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, test } from "node:test";
import { exitStatus } from "../../../cli/exit-status.ts";
import { imageCommand } from "../../../cli/image/command.ts";
import { renderBar } from "../../../cli/image/progress-bar.ts";

const text = readFileSync(new URL("../../../docs/image.md", import.meta.url), "utf8");
const options = new Set(imageCommand.commands.flatMap((command) => Object.keys(command.options)));

describe("docs/image.md", () => {
  test("has a section for every command, and no other", () => {
    const sections = [...text.matchAll(/^## `statigo image (\w+)/gm)].map(([, name]) => name);
    assert.deepEqual(
      sections,
      imageCommand.commands.map(({ name }) => name),
    );
  });

  test("has every option of the commands, and no other", () => {
    const documented = new Set(
      [...text.matchAll(/^\| (`-.*?) \| /gm)].flatMap(([, cell = ""]) => longNames(cell)),
    );
    documented.add("json").add("quiet").add("format").add("raw");
    assert.deepEqual([...documented].sort(), [...options].sort());
    for (const name of options) assert.ok(text.includes(`--${name}`), `--${name}`);
  });

  test("names exit statuses that there are", () => {
    const documented = [...text.matchAll(/^\| (\d+) \| /gm)].map(([, status]) => Number(status));
    // `undecided` is of commands that wait for a deployment.
    const known = Object.values(exitStatus).filter((status) => status !== exitStatus.undecided);
    assert.deepEqual(documented, known);
  });
});

function longNames(cell: string): string[] {
  return [...cell.matchAll(/--([a-z-]+)/g)].map(([, name = ""]) => name);
}

const bars: [what: string, line: Parameters<typeof renderBar>[0], expected: string][] = [
  [
    "nothing",
    { what: "site", doneBytes: 0, totalBytes: 2_000_000 },
    "site                 ░░░░░░░░░░░░░░░░░░░░░░░░   0%  0.0 of 2.0 MB",
  ],
  [
    "a half",
    { what: "site", doneBytes: 1_000_000, totalBytes: 2_000_000 },
    "site                 ████████████░░░░░░░░░░░░  50%  1.0 of 2.0 MB",
  ],
  [
    "more than there is",
    { what: "site", doneBytes: 3_000_000, totalBytes: 2_000_000 },
    "site                 ████████████████████████ 100%  2.0 of 2.0 MB",
  ],
  [
    "nothing of nothing",
    { what: "site", doneBytes: 0, totalBytes: 0 },
    "site                 ░░░░░░░░░░░░░░░░░░░░░░░░   0%  0.0 of 0.0 MB",
  ],
];
for (const [what, line, expected] of bars) {
  test(`a bar shows ${what}`, () => {
    assert.equal(renderBar(line), expected);
  });
}
