/** The header fields of a file's answer that follow from flags and `_headers`, made once for each path. */
import { FieldList } from "./field-list.ts";
import { isHashedName } from "./hashed-name.ts";
import type { HeaderRule } from "./headers-file.ts";
import type { Options } from "./options/options.ts";

const htmlType = "text/html; charset=utf-8";

export class FileFields {
  /** Content-Type, "" for none. */
  readonly type: string;
  /** Vary, as `_headers` has it. */
  readonly vary: string;
  /** The others, lines with their CRLF. */
  readonly text: string;
  constructor(type: string, vary: string, text: string) {
    this.type = type;
    this.vary = vary;
    this.text = text;
  }

  equals(other: FileFields): boolean {
    return this.type === other.type && this.vary === other.vary && this.text === other.text;
  }
}

export const noFields = new FileFields("", "", "");

/**
 * Small enough to break no site. Not among them: a Content-Security-Policy (inline scripts), Permissions-Policy
 * (maps and calls use what it would take away), Cross-Origin-Opener-Policy (sign-in popups), and
 * Strict-Transport-Security, which is for whoever holds the certificate to promise. X-Frame-Options and not
 * frame-ancestors, so that a Content-Security-Policy in `_headers` does not switch it off.
 */
function addSecurityFields(fields: FieldList): void {
  fields.set("Referrer-Policy", "strict-origin-when-cross-origin");
  fields.set("X-Frame-Options", "SAMEORIGIN");
}

/** Fonts are read by CORS always (CSS Fonts 4.9), JSON by scripts. */
function isSharedType(type: string): boolean {
  return type.startsWith("font/") || type.includes("json") || type.endsWith("fontobject");
}

/**
 * @param path that is answered; the rules are matched with it
 * @param filePath of the file that is sent
 * @param status 200, or 404 for a page that says so: it is cached by no rule, since the file may be there soon
 */
export function describeFile(
  path: string,
  filePath: string,
  type: string,
  status: number,
  rules: readonly HeaderRule[],
  options: Options,
): FileFields {
  const fields = new FieldList();
  const cache = isHashedName(filePath, type) ? options.cacheControlHashed : options.cacheControl;
  fields.set("Content-Type", type);
  if (cache !== "") fields.set("Cache-Control", cache);
  if (options.hasSecurityHeaders) addSecurityFields(fields);
  if (options.hasCors && isSharedType(type)) fields.set("Access-Control-Allow-Origin", "*");
  for (const rule of rules) rule.apply(path, fields);
  const sentType = fields.take("Content-Type");
  if (status === 404) fields.take("Cache-Control");
  const vary = fields.take("Vary");
  return new FileFields(status === 404 ? htmlType : sentType, vary, fields.text());
}
