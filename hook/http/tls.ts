import { readFileSync } from "node:fs";
import { z } from "zod";
import type { Fields } from "../config/fields.ts";

/** What a target needs to reach a server whose certificate is not from a public authority. */
export interface TlsOptions {
  ca?: Buffer;
  cert?: Buffer;
  key?: Buffer;
  servername?: string;
}

/** `tls: { ca, cert, key, serverName }` of a target. The files are read when the config is checked. */
export function tlsSchema(fields: Fields): z.ZodType<TlsOptions> {
  return z
    .strictObject({
      ca: fileSchema(fields, "the PEM file of the authority that signed the server's certificate").optional(),
      cert: fileSchema(fields, "the PEM file of the client's certificate").optional(),
      key: fileSchema(fields, "the PEM file of the client certificate's key").optional(),
      serverName: z.string().optional().describe("the name to expect in the server's certificate"),
    })
    .refine(({ cert, key }) => (cert === undefined) === (key === undefined), "cert and key go together")
    .transform(({ ca, cert, key, serverName }) => ({
      ...(ca && { ca }),
      ...(cert && { cert }),
      ...(key && { key }),
      ...(serverName !== undefined && { servername: serverName }),
    }));
}

function fileSchema(fields: Fields, description: string) {
  return fields
    .path(description)
    .transform((path, context) => {
      try {
        return readFileSync(path);
      } catch (error) {
        context.addIssue({
          code: "custom",
          message: `cannot read ${path} (${(error as NodeJS.ErrnoException).code})`,
        });
        return z.NEVER;
      }
    })
    .describe(description);
}
