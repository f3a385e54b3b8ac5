/** What the shells themselves make of `statigo completion`. */
import assert from "node:assert/strict";
import { execFile, spawn } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, describe, test } from "node:test";
import { promisify } from "node:util";
import { commands } from "../../cli/commands.ts";
import { listLevels } from "../../cli/completion/level.ts";
import { createCompletionCommand } from "../../cli/completion.ts";
import { startCommand } from "../support/command-line.ts";
import { missingPackage } from "../support/debian-program.ts";

const execute = promisify(execFile);
const folder = mkdtempSync(join(tmpdir(), "statigo-completion-"));
const script = (shell: string) => join(folder, `statigo.${shell}`);
before(async () => {
  await Promise.all(
    ["bash", "zsh", "fish"].map(async (shell) => {
      const { status, out, err } = await startCommand(["completion", shell]).ended;
      assert.equal(status, 0, err);
      writeFileSync(script(shell), out);
    }),
  );
  writeFileSync(join(folder, "a-file.txt"), "");
});
after(() => rmSync(folder, { recursive: true, force: true }));

/** What was typed, the last word being begun, and what it may become. */
const cases: readonly [readonly string[], readonly string[]][] = [
  [["che"], ["check"]],
  [["un"], ["unfreeze"]],
  [
    ["image", "pu"],
    ["pull", "push"],
  ],
  [["image", "build", "--plat"], ["--platform"]],
  [["image", "--plat"], []],
  [["check", "--js"], ["--json"]],
  [["check", "--trail"], ["--trailing-slash"]],
  [["serve", "--op"], ["--open"]],
  [["server", "--log"], ["--log-format"]],
  [["deploy", "--wa"], ["--wait"]],
  [["completion", "z"], ["zsh"]],
  [["hook", "sec"], ["secret"]],
  [["help", "ini"], ["init"]],
];

describe("bash", () => {
  for (const [typed, expected] of cases) {
    test(`completes 'statigo ${typed.join(" ")}'`, async () => {
      const lines = [
        `source ${script("bash")}`,
        `COMP_WORDS=(statigo ${typed.join(" ")}) COMP_CWORD=${typed.length}`,
        // biome-ignore lint/suspicious/noTemplateCurlyInString: it is bash's
        '_statigo; printf "%s\\n" "${COMPREPLY[@]}"',
      ];
      const { stdout } = await execute("bash", ["--norc", "-c", lines.join("\n")]);
      assert.deepEqual(stdout.trim().split("\n").filter(Boolean).sort(), expected);
    });
  }
});

describe("fish", { skip: missingPackage("fish", "fish") }, () => {
  const fish = async (typed: readonly string[]) => {
    const line = `source ${script("fish")}; complete -C "statigo ${typed.join(" ")}"`;
    const { stdout } = await execute("fish", ["--no-config", "-c", line], { cwd: folder });
    return stdout.split("\n").flatMap((one) => one.split("\t")[0] || []);
  };
  for (const [typed, expected] of cases) {
    test(`completes 'statigo ${typed.join(" ")}'`, async () =>
      assert.deepEqual((await fish(typed)).sort(), expected));
  }

  test("completes the files of a folder where a command takes one", async () => {
    assert.deepEqual(await fish(["check", "a-fi"]), ["a-file.txt"]);
  });
});

describe("zsh", { skip: missingPackage("zsh", "zsh") }, () => {
  test("completes commands, commands of two words, options and files as they are typed", async () => {
    const typed = cases.filter(([, expected]) => expected.length === 1).map(([words]) => words);
    const lines = [
      "autoload -U compinit; compinit -u -D",
      `source ${script("zsh")}`,
      'statigo() { print -r -- "[$*]" }',
      ...typed.map((words) => `statigo ${words.join(" ")}\t`),
      "statigo check a-fi\t",
      "exit",
    ];
    // On a terminal, since only its line editor completes.
    const child = spawn("script", ["-qec", "zsh -f -i", "/dev/null"], {
      cwd: folder,
      env: { ...process.env, TERM: "dumb" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let said = "";
    child.stdout.setEncoding("utf8");
    const ended = new Promise((resolve) => child.once("close", resolve));
    // Each line when the one before was taken: before that, the terminal would hand the Tab on as a letter.
    child.stdout.on("data", (chunk: string) => {
      said += chunk;
      const prompts = said.split("\x1b[?2004h").length - 1;
      const sent = lines.splice(0, Math.max(0, prompts - (total - lines.length)));
      for (const line of sent) child.stdin.write(`${line}\n`);
    });
    const total = lines.length;
    await ended;
    const expected = cases
      .filter(([, words]) => words.length === 1)
      .map(([words, [last]]) => [...words.slice(0, -1), last]);
    const printed = [...said.matchAll(/^\[(.*)\]\r$/gm)].map(([, words = ""]) => words.trim());
    assert.deepEqual(printed, [...expected.map((words) => words.join(" ")), "check a-file.txt"], said);
  });
});

test("every command and every option of each is in it", () => {
  const levels = listLevels(commands);
  for (const command of commands) {
    const level = levels.find(({ path }) => path.join(" ") === command.name);
    assert.ok(level, command.name);
    if (command.kind !== "own") continue;
    for (const name of Object.keys(command.options))
      assert.ok(
        level.options.some(({ long }) => long === name),
        name,
      );
  }
});

test("another shell is refused with those there are", async () => {
  const command = createCompletionCommand(() => commands);
  await assert.rejects(
    command.run({ options: {}, positionals: ["tcsh"], handedOn: [] }),
    /which shell\? One of: bash, zsh, fish/,
  );
});
