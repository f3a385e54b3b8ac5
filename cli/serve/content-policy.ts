/** What a site's Content-Security-Policy has to allow in addition, so that its pages can be live while one works on them. */
export function allowLiveScript(policies: string, nonce: string): string {
  return policies
    .split(",")
    .map((policy) => amend(policy, nonce))
    .join(",");
}

function amend(policy: string, nonce: string): string {
  const directives = policy
    .split(";")
    .map((text) => text.trim().split(/\s+/))
    .filter(([name]) => name !== "");
  allow(directives, ["script-src-elem", "script-src", "default-src"], nonce);
  allow(directives, ["connect-src", "default-src"], nonce);
  return directives.map((words) => words.join(" ")).join("; ");
}

/** @param names the directive that is asked, then those that stand in for it; the last is for more than scripts */
function allow(directives: string[][], names: readonly string[], nonce: string): void {
  const name = names.find((one) => directives.some(([of]) => of?.toLowerCase() === one));
  if (name === undefined) return;
  const [, ...sources] = directives.find(([of]) => of?.toLowerCase() === name) ?? [];
  const kept = sources.filter((source) => source.toLowerCase() !== "'none'");
  // With 'strict-dynamic' only a nonce counts; without it, one would switch 'unsafe-inline' off.
  const isStrict = kept.includes("'strict-dynamic'");
  const added = isStrict ? `'nonce-${nonce}'` : "'self'";
  const words = kept.includes(added) ? kept : [...kept, added];
  const own = name === "default-src" ? (names.at(-2) ?? name) : name;
  const index = directives.findIndex(([of]) => of?.toLowerCase() === own);
  directives.splice(index < 0 ? directives.length : index, index < 0 ? 0 : 1, [own, ...words]);
}
