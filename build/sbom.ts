/** What others wrote and is in what we ship, as a CycloneDX 1.6 document: the same bytes for the same parts. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { packageFolders } from "./notices.ts";

export interface Part {
  readonly name: string;
  /** Undefined where the machine cannot tell. */
  readonly version: string | undefined;
  /** As SPDX writes it, of one licence or of several. */
  readonly license: string;
  readonly purl: string | undefined;
  /** Of the package as it is fetched, in hexadecimal. */
  readonly sha512?: string | undefined;
}

export interface Product {
  readonly name: string;
  readonly version: string;
  readonly license: string;
  /** Of the file itself, in hexadecimal, where the product is one file. */
  readonly sha256?: string;
  /** Our own sources that no package manager knows. */
  readonly sources?: readonly { readonly name: string; readonly sha256: string }[];
}

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly license: string;
}

const readJson = (file: string) => JSON.parse(readFileSync(file, "utf8"));

/** A scope's @ is the one character of an npm package's name that a package URL escapes. */
const purlOf = ({ name, version }: Manifest) => `pkg:npm/${name.replace("@", "%40")}@${version}`;

/** @param folders below `root`, as `packageFolders` tells them and the lock file names them */
export function packageParts(root: string, folders: readonly string[]): Part[] {
  const { packages } = readJson(join(root, "package-lock.json"));
  return folders.map((folder) => {
    const manifest: Manifest = readJson(join(root, folder, "package.json"));
    const { name, version, license } = manifest;
    return { name, version, license, purl: purlOf(manifest), sha512: sha512In(packages[folder]?.integrity) };
  });
}

function sha512In(integrity: string | undefined): string | undefined {
  const base64 = /^sha512-(\S+)$/.exec(integrity ?? "")?.[1];
  return base64 && Buffer.from(base64, "base64").toString("hex");
}

/** What is undefined is left out when the document is written. */
function componentOf({ name, version, license, purl, sha512 }: Part) {
  const hashes = sha512 === undefined ? undefined : [{ alg: "SHA-512", content: sha512 }];
  const reference = purl ?? name;
  return {
    type: "library",
    "bom-ref": reference,
    name,
    version,
    hashes,
    licenses: [{ expression: license }],
    purl,
  };
}

function subjectOf({ name, version, license, sha256, sources }: Product) {
  return {
    type: "application",
    "bom-ref": name,
    name,
    version,
    hashes: sha256 && [{ alg: "SHA-256", content: sha256 }],
    licenses: [{ expression: license }],
    components: sources?.map((source) => ({
      type: "file",
      "bom-ref": source.name,
      name: source.name,
      hashes: [{ alg: "SHA-256", content: source.sha256 }],
    })),
  };
}

/** @param epochSeconds the time that the document tells; undefined for none, so that only the parts shape the bytes */
export function billOfMaterials(product: Product, parts: readonly Part[], epochSeconds?: number): string {
  const unique = new Map(parts.map(componentOf).map((component) => [component["bom-ref"], component]));
  const references = [...unique.keys()].sort();
  const document = {
    bomFormat: "CycloneDX",
    specVersion: "1.6",
    version: 1,
    metadata: {
      timestamp: epochSeconds === undefined ? undefined : new Date(epochSeconds * 1000).toISOString(),
      lifecycles: [{ phase: "build" }],
      component: subjectOf(product),
    },
    components: references.map((reference) => unique.get(reference)),
    dependencies: [{ ref: product.name, dependsOn: references }],
    compositions: [{ aggregate: "complete", assemblies: [product.name] }],
  };
  return `${JSON.stringify(document, undefined, 1)}\n`;
}

export function writeBill(output: string, product: Product, parts: readonly Part[]): void {
  const epoch = process.env["SOURCE_DATE_EPOCH"];
  writeFileSync(output, billOfMaterials(product, parts, epoch === undefined ? undefined : Number(epoch)));
}

/** @param inputs the files that went into the bundles, below `root` */
export function writePackageBill(root: string, name: string, inputs: Iterable<string>, output: string): void {
  const { version, license }: Manifest = readJson(join(root, "package.json"));
  writeBill(output, { name, version, license }, packageParts(root, packageFolders(inputs)));
}
