/** What is held in memory of a small file: its content, and the answers that are made of it most. */

const EMPTY = Buffer.alloc(0);

/** An answer to a GET over a connection that stays: head and content, as of a second. */
export class Packet {
  bytes: Buffer = EMPTY;
  /** Of the bytes, which is all that answers a HEAD. */
  headLength = 0;
  second = -1;
  /** What the log says of it, for a plain path that is its resource's key. */
  logOutcome = "";

  /**
   * Puts a head before the content, in a buffer of its own: the one before may still be on its way out.
   * @param second for which the head's Date holds
   */
  fill(head: string, content: Buffer, second: number): void {
    const bytes = Buffer.allocUnsafe(head.length + content.length);
    bytes.write(head, 0, "latin1");
    content.copy(bytes, head.length, 0, content.length);
    this.bytes = bytes;
    this.headLength = head.length;
    this.second = second;
  }
}

export class Kept {
  /** All of the file; once the 200 is made, a part of it. */
  content: Buffer;
  /** The entity tag's bytes. */
  readonly tag: Buffer;
  /** The fields of a 200 that depend on the file alone, made when they are first needed. */
  fields = "";
  /** Of those, the ones that a 304 has. */
  validators = "";
  readonly found = new Packet();
  readonly unchanged = new Packet();
  readonly notFound = new Packet();
  constructor(content: Buffer, etag: string) {
    this.content = content;
    this.tag = Buffer.from(etag, "latin1");
  }

  fillFound(head: string, second: number): void {
    this.found.fill(head, this.content, second);
    this.content = this.found.bytes.subarray(head.length);
  }
}

export const notKept = new Kept(EMPTY, "");
/** About what it costs beside the content. */
export const keptOverheadBytes = 640;
/** Content of a 304. */
export const noContent = EMPTY;
