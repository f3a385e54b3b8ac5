/** Damaged tar archives into the reader: it ends, says that the archive is at fault, and reads the same however it is cut. */
import { isTarError, readTar } from "../../oci/tar.ts";
import { longNameMember, paxMember, tarOf } from "../support/site-images.ts";
import { type Attempt, attemptInputs, type FuzzOptions, type FuzzResult } from "./attempts.ts";
import { loadTexts } from "./kept-texts.ts";
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";

const starts: readonly string[] = [
  tarOf([{ name: "www/index.html", content: "page" }]),
  tarOf([
    paxMember({ path: "www/ä".repeat(30), size: "3" }),
    { name: "x", content: "abc" },
    longNameMember("y".repeat(150)),
    { name: "z", content: "c".repeat(700) },
  ]),
  tarOf([
    { name: "d", type: "5" },
    { name: "l", type: "2", target: "d" },
    { name: "g", type: "g", content: "9 a=b\n" },
  ]),
].map((archive) => archive.toString("latin1"));

const words: readonly string[] = [
  ..."0 1 2 5 7 L K x g S \0 ustar ustar\0".split(" "),
  ...[
    "0000000\0",
    "00000000001\0",
    "77777777777\0",
    "\x80\0\0\0\0\0\0\0\0\0\0\x01",
    "\xff".repeat(12),
    " ".repeat(8),
  ],
  ...["20 size=99999999999\n", "11 path=..\n", "999 a=b\n", "0 \n", "-1 a=b\n", "\0".repeat(512), "../", "/"],
];

/** What is read of an archive, or why it is refused. */
interface Reading {
  readonly members: readonly string[];
  readonly problem: string;
}

async function* cutInto(bytes: Buffer, sizeOf: () => number): AsyncGenerator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const end = at + sizeOf();
    yield bytes.subarray(at, end);
    at = end;
  }
}

async function read(bytes: Buffer, sizeOf: () => number): Promise<Reading> {
  const members: string[] = [];
  try {
    const signal = AbortSignal.timeout(10_000);
    await readTar(cutInto(bytes, sizeOf), signal, async ({ name, type, size, linkname }, content) => {
      let seenBytes = 0;
      for await (const chunk of content) seenBytes += chunk.length;
      if (seenBytes > bytes.length) throw new Error(`${seenBytes} bytes of an archive of ${bytes.length}`);
      members.push(JSON.stringify([name, type, size, linkname, seenBytes]));
    });
    return { members, problem: "" };
  } catch (error) {
    if (!isTarError(error)) throw error;
    return { members, problem: error.message };
  }
}

async function check(text: string, random: Random): Promise<Attempt> {
  const bytes = Buffer.from(text, "latin1");
  const whole = await read(bytes, () => bytes.length);
  const cut = await read(bytes, () => 1 + random.below(random.chance(0.5) ? 30 : 1200));
  // Where it ends early, how much of the last member is given depends on the cuts.
  const isSame = whole.problem === cut.problem && whole.members.join() === cut.members.join();
  if (!isSame) return { failure: `${JSON.stringify(whole)}, in pieces ${JSON.stringify(cut)}` };
  return whole.problem === "" ? "read" : "refused";
}

/** The damage behind the sums that would give it away: whoever makes an archive makes them too. */
function withSums(text: string): string {
  const bytes = Buffer.from(text, "latin1");
  for (let at = 0; at + 512 <= bytes.length; at += 512) {
    if (bytes.toString("latin1", at + 257, at + 262) !== "ustar") continue;
    bytes.write("        ", at + 148, "latin1");
    const sum = bytes.subarray(at, at + 512).reduce((total, byte) => total + byte, 0);
    bytes.write(`${sum.toString(8).padStart(6, "0")}\0 `, at + 148, "latin1");
  }
  return bytes.toString("latin1");
}

export function fuzzTars(options: FuzzOptions): Promise<FuzzResult> {
  const make = (random: Random) => {
    const damaged = mutate(random.pick(starts), random, starts, words);
    return random.chance(0.7) ? withSums(damaged) : damaged;
  };
  return attemptInputs(options, [...loadTexts("tar"), ...starts], make, check);
}
