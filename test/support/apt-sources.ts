import { existsSync, globSync, readFileSync } from "node:fs";

/** The texts of this machine's own apt sources. */
export function machineSources(): string[] {
  const files = ["/etc/apt/sources.list", ...globSync("/etc/apt/sources.list.d/*.{list,sources}")];
  return files.filter((file) => existsSync(file)).map((file) => readFileSync(file, "utf8"));
}

/**
 * The Debian archive as a machine reaches it, for another suite: the main and the security stanzas of its apt sources,
 * in either of their two forms (sources.list(5)), without other vendors' archives and without backports.
 */
export function debianSources(texts: readonly string[], suite: string): string {
  const stanzas = texts.flatMap((text) =>
    /^URIs:/im.test(text) ? deb822Stanzas(text) : oneLineStanzas(text),
  );
  // The one-line form has a line for each suite of the same archive.
  return [...new Set(stanzas.map((stanza) => describe(stanza, suite)))].join("\n");
}

interface Stanza {
  uri: string;
  isSecurity: boolean;
  components: string;
  signedBy: string | undefined;
}

function deb822Stanzas(text: string): Stanza[] {
  const withoutComments = text.replace(/^#.*\n?/gm, "");
  return withoutComments.split(/\n\s*\n/).flatMap((block) => {
    const field = (name: string) => new RegExp(`^${name}:[ \\t]*(\\S.*)$`, "im").exec(block)?.[1]?.trim();
    if (field("Enabled")?.toLowerCase() === "no" || !field("Types")?.split(/\s+/).includes("deb")) return [];
    const uris = field("URIs")?.split(/\s+/) ?? [];
    return uris.flatMap((uri) => stanzaOf(uri, field("Components"), field("Signed-By")));
  });
}

function oneLineStanzas(text: string): Stanza[] {
  return text.split("\n").flatMap((line) => {
    const [, options, uri = "", , components] =
      /^deb(?:\s+\[([^\]]*)\])?\s+(\S+)\s+(\S+)\s+(.+)$/.exec(line.replace(/#.*/, "").trim()) ?? [];
    return stanzaOf(uri, components, /signed-by=(\S+)/.exec(options ?? "")?.[1]);
  });
}

/** Debian's own archives are told from others' by their paths, which every mirror keeps. */
function stanzaOf(uri: string, components = "main", signedBy: string | undefined): Stanza[] {
  const archive = /\/(debian|debian-security)\/?$/.exec(uri)?.[1];
  if (archive === undefined) return [];
  return [{ uri, isSecurity: archive === "debian-security", components, signedBy }];
}

function describe({ uri, isSecurity, components, signedBy }: Stanza, suite: string): string {
  const suites = isSecurity ? `${suite}-security` : `${suite} ${suite}-updates`;
  const lines = ["Types: deb", `URIs: ${uri}`, `Suites: ${suites}`, `Components: ${components}`];
  if (signedBy !== undefined) lines.push(`Signed-By: ${signedBy}`);
  return `${lines.join("\n")}\n`;
}
