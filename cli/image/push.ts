import { copyImage } from "../../oci/copy-image.ts";
import type { ImageSink } from "../../oci/image-sink.ts";
import type { Descriptor } from "../../oci/manifest.ts";
import type { ImageReference } from "../../oci/reference.ts";
import { openSession } from "../../oci/session.ts";
import { openRegistrySink } from "../../oci/write/registry-sink.ts";
import { type Option, type OwnCommand, type ParsedArguments, UsageError } from "../command.ts";
import { print, printJson, say } from "../terminal.ts";
import { listOf, makingOptions } from "./build-options.ts";
import { cacheFolder, makeImage } from "./make.ts";
import { findPlace, openPlace, readReference } from "./place.ts";
import { openPushedPlaces } from "./pushed-places.ts";
import { type AccessTo, createAccess, registryOptions } from "./registry-access.ts";
import { useAllProcessors, type Work, withWork } from "./work.ts";

const usage = "statigo image push <folder|file|image> <name:tag>... [options]";

export const pushOptions: Record<string, Option> = {
  "mount-from": {
    type: "string",
    multiple: true,
    value: "REPOSITORY",
    summary: "of the same registry, which may have layers already",
  },
};

export const pushCommand: OwnCommand = {
  kind: "own",
  name: "push",
  usage,
  summary: "Push an image to a registry: of a folder, a layout, a tar file or another registry",
  details: () =>
    [
      "Of a site's folder the image is made on the way, as by `statigo image build`. Only what the registry does not",
      "have travels; what it has in another repository is mounted. The login is the one of `docker login`.",
    ].join("\n"),
  options: {
    ...pushOptions,
    ...registryOptions,
    json: { type: "boolean", summary: "what was pushed as JSON" },
    quiet: { type: "boolean", short: "q", summary: "no progress" },
    ...makingOptions,
  },
  run: push,
};

async function push({ options, positionals }: ParsedArguments): Promise<number> {
  useAllProcessors();
  const [what, ...names] = positionals;
  if (what === undefined || names.length === 0) {
    throw new UsageError(`${what === undefined ? "what is to be pushed" : "where to"}? Usage: ${usage}`);
  }
  const references = names.map(readReference);
  const place = await findPlace(what);
  return withWork(options["quiet"] === true, async (work) => {
    if (place.kind === "site") return pushFolder(place.folder, references, options, work);
    const accessTo = createAccess(options, process.env);
    const { source, reference } = await openPlace(place, accessTo, work.staging, work.signal);
    const ownRepository =
      place.kind === "registry" && place.reference.name.registry === references[0]?.name.registry
        ? [place.reference.name.repository]
        : [];
    const target = { references, options, accessTo, mountFrom: ownRepository };
    return withTarget(target, work, (sink) => copyImage({ source, reference, sink, signal: work.signal }));
  });
}

/** Made and pushed at once: a layer is on its way while the next one is made. */
export function pushFolder(
  folder: string,
  references: readonly ImageReference[],
  options: ParsedArguments["options"],
  work: Work,
): Promise<number> {
  const accessTo = createAccess(options, process.env);
  return withTarget({ references, options, accessTo, mountFrom: [] }, work, async (sink) => {
    const making = { folder, options, environment: process.env, sink, output: undefined, accessTo };
    const source = await makeImage(making, work);
    const reference = { digest: source.top.descriptor.digest };
    return copyImage({ source, reference, sink, signal: work.signal });
  });
}

interface Target {
  references: readonly ImageReference[];
  options: ParsedArguments["options"];
  accessTo: AccessTo;
  mountFrom: readonly string[];
}

async function withTarget(
  { references, options, accessTo, mountFrom }: Target,
  { signal, progress }: Work,
  copy: (sink: ImageSink) => Promise<Descriptor>,
): Promise<number> {
  const name = oneRepository(references);
  const access = await accessTo(name, signal);
  const session = openSession(name, { ...access, actions: "pull,push", environment: process.env });
  const more = [...listOf(options, "mount-from"), ...mountFrom];
  const places = await openPushedPlaces(cacheFolder(process.env), name, more);
  const tags = references.map(({ tag }) => tag).filter((tag) => tag !== undefined);
  const seen = new Set<string>();
  const placesOf = (digest: string) => {
    seen.add(digest);
    return places.placesOf(digest);
  };
  try {
    const sink = openRegistrySink({ session, tags, placesOf, progress });
    const pushed = await copy(sink);
    await places.keep([...seen]);
    progress.stop();
    report(pushed, references, options["json"] === true);
    return 0;
  } finally {
    session.close();
  }
}

function oneRepository(references: readonly ImageReference[]) {
  const [first, ...others] = references;
  if (first === undefined) throw new UsageError("where to? Name the image, as --tag reg.example/blog:v1");
  if (references.some(({ digest }) => digest !== undefined)) {
    throw new UsageError("a push has a tag, and no digest: the image has its own");
  }
  const isSame = others.every(
    ({ name }) => name.registry === first.name.registry && name.repository === first.name.repository,
  );
  if (!isSame) throw new UsageError("one push goes to one repository, with as many tags as there are");
  return first.name;
}

function report(
  { digest, mediaType, sizeBytes }: Descriptor,
  references: readonly ImageReference[],
  isJson: boolean,
): void {
  const names = references.map(({ name, tag }) => `${name.text}:${tag}`);
  if (isJson) {
    printJson({ digest, mediaType, size: sizeBytes, tags: names });
    return;
  }
  print(digest);
  for (const name of names) say(`pushed ${name}`);
}
