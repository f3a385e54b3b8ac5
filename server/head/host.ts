/** The value of a request's Host field. */

const COLON = 58;
const DOT = 46;

/** RFC 3986 3.2.2: what a registered name is made of, escapes aside. */
function isNameByte(byte: number): boolean {
  if (byte >= 97 && byte <= 122) return true;
  if (byte >= 48 && byte <= 57) return true;
  if (byte >= 65 && byte <= 90) return true;
  return byte === DOT || byte === 45 || (byte < 128 && "_~!$&'()*+,;=".includes(String.fromCharCode(byte)));
}

function isHexByte(byte: number): boolean {
  return (byte >= 48 && byte <= 57) || (byte >= 65 && byte <= 70) || (byte >= 97 && byte <= 102);
}

/** The end of an IP literal that starts with a bracket, or -1: hexadecimal digits, colons and dots (no zone, no future form). */
function literalEnd(bytes: Buffer, start: number, end: number): number {
  let i = start + 1;
  while (i < end && (isHexByte(bytes[i] ?? 0) || bytes[i] === COLON || bytes[i] === DOT)) i++;
  return i > start + 2 && i < end && bytes[i] === 93 ? i + 1 : -1;
}

/** Host = uri-host [ ":" port ] (RFC 9110 7.2); what is no host is 400 (RFC 9112 3.2). An empty one is allowed. */
export function isHost(bytes: Buffer, start: number, end: number): boolean {
  let i = start;
  if (i < end && bytes[i] === 91) {
    i = literalEnd(bytes, start, end);
    if (i < 0) return false;
  } else {
    while (i < end && bytes[i] !== COLON) {
      const byte = bytes[i] ?? 0;
      if (byte === 37) {
        if (i + 2 >= end || !isHexByte(bytes[i + 1] ?? 0) || !isHexByte(bytes[i + 2] ?? 0)) return false;
        i += 2;
      } else if (!isNameByte(byte)) return false;
      i++;
    }
  }
  if (i < end && bytes[i] !== COLON) return false;
  for (i++; i < end; i++) {
    const digit = (bytes[i] ?? 0) - 48;
    if (digit < 0 || digit > 9) return false;
  }
  return true;
}
