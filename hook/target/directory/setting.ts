import { z } from "zod";
import { defaultLimits, type ImageLimits } from "../../../oci/limits.ts";
import type { Fields } from "../../config/fields.ts";

export type DirectoryOptions = z.output<ReturnType<typeof directorySchema>>;

/** `target: { directory: { folder, path, from, keep, limits, timeout } }` */
export function directorySchema(fields: Fields) {
  return z.strictObject({
    folder: fields.path("where `current` and the releases are; ./sites/<service> when left out").optional(),
    path: z
      .string()
      .regex(/^\/[^\0]*$/, "must be a path within the image, such as /www")
      .optional()
      .describe("the folder of the image that is the site; the image's WORKDIR when left out, else /www"),
    from: z
      .strictObject({
        layout: fields.path("a folder with an OCI image layout").optional(),
        archive: fields
          .template(`a file that \`docker save\` wrote, such as ./incoming/\${tag}.tar`, ["tag"])
          .optional(),
      })
      .refine(
        ({ layout, archive }) => (layout === undefined) !== (archive === undefined),
        "must have exactly one of layout, archive",
      )
      .optional()
      .describe("where the image comes from, if not from its registry"),
    keep: z
      .int()
      .min(2, "must be at least 2: the release that is served, and one to go back to")
      .max(1000, "must be at most 1000")
      .default(5)
      .describe("how many releases to keep for going back, from 2 to 1000"),
    limits: limitsSchema.prefault({}),
    timeout: fields.duration("how long fetching and unpacking may take", {
      default: "10m",
      minimum: "1s",
      maximum: "24h",
    }),
  });
}

const units: Readonly<Record<string, number>> = { KiB: 1024, MiB: 1024 ** 2, GiB: 1024 ** 3 };

function sizeField(description: string, defaultBytes: number) {
  return z
    .string()
    .transform((text, context) => {
      const [, count, unit = ""] = /^(\d{1,6})(KiB|MiB|GiB)$/.exec(text) ?? [];
      const sizeBytes = Number(count) * (units[unit] ?? Number.NaN);
      if (sizeBytes > 0) return sizeBytes;
      context.addIssue({ code: "custom", message: "must be a size such as 512MiB or 2GiB" });
      return z.NEVER;
    })
    .default(defaultBytes)
    .describe(description);
}

const limitsSchema = z
  .strictObject({
    download: sizeField("all layers as they are fetched", defaultLimits.downloadBytes),
    unpacked: sizeField("all layers unpacked, base images included", defaultLimits.unpackedBytes),
    site: sizeField("the files of the site", defaultLimits.siteBytes),
    entries: z
      .int()
      .min(1)
      .max(2_000_000)
      .default(defaultLimits.entries)
      .describe("files, folders and links of the whole image"),
  })
  .transform(
    ({ download, unpacked, site, entries }): ImageLimits => ({
      downloadBytes: download,
      unpackedBytes: unpacked,
      siteBytes: site,
      entries,
    }),
  );
