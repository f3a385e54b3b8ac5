/**
 * Headers of tar archives (POSIX.1-2001, pax interchange format). Ours and not a library's, because a layer's digest
 * is made of these bytes: an update of a dependency must not give every image another one.
 */

export interface TarEntry {
  /** As in the archive: without a slash in front; one behind a folder's is added. */
  path: string;
  kind: "file" | "directory" | "link";
  mode: number;
  sizeBytes: number;
  /** Of links. */
  target: string;
  /** Seconds since 1970. */
  modifiedSeconds: number;
}

export const tarBlockBytes = 512;
const typeFlags = { file: "0", directory: "5", link: "2" } as const;
const nameBytes = 100;
/** Eleven octal digits. */
const maximumSizeBytes = 8 * 1024 ** 3 - 1;

/** The header blocks of an entry, with a pax header in front where the plain one has no room. */
export function encodeHeader(entry: TarEntry): Buffer {
  const path = entry.kind === "directory" ? `${entry.path}/` : entry.path;
  const records = paxRecords({ ...entry, path });
  const plain = encodePlain(fit(path), fit(entry.target), typeFlags[entry.kind], entry);
  if (records === "") return plain;
  const body = Buffer.from(records);
  const size = { ...entry, mode: 0o644, sizeBytes: body.length };
  return Buffer.concat([encodePlain("pax", "", "x", size), body, paddingOf(body.length), plain]);
}

/** What fills the last block of a content of this length. */
export function paddingOf(sizeBytes: number): Buffer {
  return Buffer.alloc((tarBlockBytes - (sizeBytes % tarBlockBytes)) % tarBlockBytes);
}

function paxRecords({ path, target, sizeBytes }: TarEntry): string {
  const fields: [string, string | undefined][] = [
    ["path", isPlain(path) ? undefined : path],
    ["linkpath", isPlain(target) ? undefined : target],
    ["size", sizeBytes <= maximumSizeBytes ? undefined : String(sizeBytes)],
  ];
  return fields.map(([key, value]) => (value === undefined ? "" : paxRecord(key, value))).join("");
}

/** A record begins with its own length, which counts itself. */
function paxRecord(key: string, value: string): string {
  const rest = ` ${key}=${value}\n`;
  const restBytes = Buffer.byteLength(rest);
  let lengthBytes = restBytes + 1;
  while (String(lengthBytes).length + restBytes !== lengthBytes) lengthBytes += 1;
  return `${lengthBytes}${rest}`;
}

/** Only of ASCII all readers agree what it means in the plain header. */
function isPlain(text: string): boolean {
  return text.length <= nameBytes && /^[\x20-\x7e]*$/.test(text);
}

/** A reader that knows pax takes no notice of it; for the others it is the best that fits. */
function fit(text: string): string {
  return isPlain(text) ? text : text.replace(/[^\x20-\x7e]/g, "_").slice(-nameBytes);
}

function encodePlain(
  name: string,
  target: string,
  typeFlag: string,
  { mode, sizeBytes, modifiedSeconds }: TarEntry,
): Buffer {
  const header = Buffer.alloc(tarBlockBytes);
  header.write(name, 0, nameBytes, "latin1");
  header.write(octal(mode, 7), 100, "latin1");
  // User and group are root's, by number: there is no /etc/passwd to look a name up in.
  header.write(octal(0, 7), 108, "latin1");
  header.write(octal(0, 7), 116, "latin1");
  header.write(octal(Math.min(sizeBytes, maximumSizeBytes), 11), 124, "latin1");
  header.write(octal(modifiedSeconds, 11), 136, "latin1");
  header.write(" ".repeat(8), 148, "latin1");
  header.write(typeFlag, 156, "latin1");
  header.write(target, 157, nameBytes, "latin1");
  header.write("ustar\u000000", 257, "latin1");
  const sum = header.reduce((total, byte) => total + byte, 0);
  header.write(`${octal(sum, 6)}\0 `, 148, "latin1");
  return header;
}

function octal(value: number, digits: number): string {
  return value.toString(8).padStart(digits, "0");
}
