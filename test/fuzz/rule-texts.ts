/** `_headers` and `_redirects` to start from, words that mean something in them, and paths that their rules may match. */
import { mutate } from "./mutation.ts";
import type { Random } from "./random.ts";

export interface RuleTexts {
  readonly headers: string;
  readonly redirects: string;
}

const headers: readonly string[] = [
  "/*\n  X-Frame-Options: DENY\n  Cache-Control: public, max-age=60\n",
  "/docs/:page\n  X-Page: :page\n  ! Cache-Control\n/docs/*\n  X-Rest: :splat, :splat\n",
  "# c\n/page.html\n  Set-Cookie: a=b\n  Set-Cookie: c=d\n  Vary: Cookie\n  Content-Type: text/plain\n",
  "/gr%C3%BC%C3%9Fe.txt\n  Link: </app.js>; rel=preload\n/assets/*.css\n  X-Style: yes\n",
];

const redirects: readonly string[] = [
  "/old /new\n/see /other 303\n/forced /page.html 200!\n/gone /404.html 404\n",
  "/blog/:year/:slug /posts/:year-:slug.html 301\n/docs/* https://docs.example.org/:splat?x=1#top 301\n",
  "/open/* /:splat 301\n/near* /:splat 308\n/app/* /docs/index.html 200\n/images/*.png /pictures/:splat.webp 307\n",
  "/up/* /docs/../../etc/:splat 200\n/hidden/* /.git/:splat 200\n/query /a?b=c#d 301 # e\n/* /page.html 404\n",
];

const words: readonly string[] = [
  ...[
    "\n",
    "\r\n",
    "\r",
    "\t",
    "  ",
    "#",
    "/",
    "//",
    "/\\",
    "\\",
    "*",
    ":",
    ":splat",
    ":a",
    ":a:b",
    "!",
    "?",
    "%",
    "%2f",
    "%00",
  ],
  ...[
    "%0d%0aX: y",
    "%zz",
    "%c3%bc",
    "\0",
    "\x1b[31m",
    "\x7f",
    "\x9b",
    "\xff",
    "ü",
    "\u2028",
    "/.",
    "/..",
    "/*",
    "/:x",
    ":/",
  ],
  ...[
    "https://",
    "http://evil.example",
    "//evil.example",
    "/\\evil.example",
    "https://:splat",
    "https://a:splat/",
    "https://[::1]/",
  ],
  ...[
    "200",
    "200!",
    "301",
    "302!",
    "404",
    "404!",
    "418",
    "Country=de",
    "a=:a",
    "X: ",
    "x:y:z",
    ": ",
    "X : y",
    "! X",
    "!",
  ],
  ...[
    "Content-Length: 0",
    "Transfer-Encoding: chunked",
    "Connection: close",
    "Content-Type: ",
    "Set-Cookie: a",
    "Vary: *",
    "Date: x",
  ],
];

export function makeRuleTexts(random: Random): RuleTexts {
  const damage = (starts: readonly string[]) => {
    const joined = Array.from({ length: 1 + random.below(3) }, () => random.pick(starts)).join("");
    return mutate(joined, random, [...headers, ...redirects], words);
  };
  return { headers: damage(headers), redirects: damage(redirects) };
}

const fillings: readonly string[] = [
  ...[
    "a",
    "2024",
    "x/y",
    "",
    "//evil.example",
    "\\evil.example",
    ".",
    "..",
    "../..",
    "%0d%0aX:%20y",
    "%C3%BC",
    "%ff",
    "%22",
    ":b",
    "*",
  ],
  ...["evil.example", "a.b", "a:b", "%25", "'", "a%20b"],
];

const firstWord = /^[ \t]*(\/\S*)/gm;
const others: readonly string[] = [
  "/",
  "/page.html",
  "/docs/",
  "/docs/guide.html",
  "/nope",
  "/docs/x/y",
  "//docs",
];

/** Targets of requests: the rules' own paths with something in their placeholders' places, and other paths. */
export function makeTargets({ headers, redirects }: RuleTexts, random: Random, count: number): string[] {
  const paths = [...`${headers}\n${redirects}`.matchAll(firstWord)].map(([, path = ""]) => path);
  return Array.from({ length: count }, () => {
    const path = random.pick(paths.length > 0 && random.chance(0.8) ? paths : others);
    const filled = path.replaceAll(/:[A-Za-z]\w*|\*/g, () => random.pick(fillings));
    const damaged = random.chance(0.2) ? mutate(filled, random, paths) : filled;
    // In a target's place only what a request line may hold: what breaks the line is the wire fuzzer's.
    const target = damaged.replaceAll(/[^!-~\x80-\xff]/g, "").slice(0, 300);
    return target.startsWith("/") ? target : `/${target}`;
  });
}
