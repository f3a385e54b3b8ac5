/** A reply on its way to the client: what of it is to be sent yet, and the file that it comes from. */
import * as fs from "node:fs";
import { notKept } from "../kept.ts";
import type { Multipart } from "../multipart.ts";
import type { Reply } from "../reply.ts";
import { isUnchanged, type Representation, readFully } from "../representation.ts";
import type { Channel } from "./channel.ts";

/** Up to this size a file's content goes out with its head in one write. */
const joinedBytes = 16 * 1024;
/** After so much of a file the other connections get their turn. */
const turnBytes = 1024 * 1024;

/** How a transfer stands: all was handed to the channel; proceed() is to be called; the connection is of no use. */
export const transferDone = 0;
export const transferWaits = 1;
export const transferBroken = 2;

export class Transfer {
  /** Of the content. */
  remaining = 0;
  private readonly channel: Channel;
  private fd = -1;
  private position = 0;
  /** Of `remaining`, what follows in the file from `position`; the next part of several comes after it. */
  private stretch = 0;
  private multipart: Multipart | null = null;
  private partIndex = 0;

  constructor(channel: Channel) {
    this.channel = channel;
  }

  /** Opens the file that the next reply comes from; false where it is another one now. */
  open(source: Representation): boolean {
    try {
      this.fd = fs.openSync(source.file(), "r");
      if (isUnchanged(this.fd, source)) return true;
    } catch {
      // As where it was changed: it has to be looked for again.
    }
    this.close();
    return false;
  }

  begin(reply: Reply, head: string, hasContent: boolean): number {
    const channel = this.channel;
    const source = reply.source;
    const multipart = reply.multipart;
    const length = reply.length;
    this.multipart = multipart;
    this.position = reply.start;
    this.remaining = hasContent ? length : 0;
    this.stretch = multipart === null ? this.remaining : 0;
    this.partIndex = 0;
    if (this.remaining === 0) channel.send(Buffer.from(head, "latin1"), false);
    else if (source === null) this.sendJoined(head, reply.content, 0, length);
    else if (source.kept !== notKept && multipart !== null)
      this.sendJoined(head, multipart.join(source.kept.content), 0, length);
    else if (source.kept !== notKept) this.sendJoined(head, source.kept.content, reply.start, length);
    else if (length <= joinedBytes && multipart === null) {
      const content = Buffer.allocUnsafe(length);
      if (readFully(this.fd, content, length, reply.start) !== length) return transferBroken;
      this.sendJoined(head, content, 0, length);
    } else channel.send(Buffer.from(head, "latin1"), true);
    return this.proceed();
  }

  private sendJoined(head: string, content: Buffer, start: number, length: number): void {
    const bytes = Buffer.allocUnsafe(head.length + length);
    bytes.write(head, 0, "latin1");
    content.copy(bytes, head.length, start, start + length);
    this.remaining = 0;
    this.channel.send(bytes, false);
  }

  /** Sends of the file what the client takes; so a slow client costs next to no memory. */
  proceed(): number {
    const channel = this.channel;
    let turn = turnBytes;
    while (this.remaining > 0) {
      if (!channel.isReady()) return transferWaits;
      if (turn <= 0) {
        channel.yieldTurn();
        return transferWaits;
      }
      if (this.stretch === 0) {
        this.beginPart();
        continue;
      }
      const count = channel.sendFile(this.fd, this.position, Math.min(this.stretch, turn));
      // A file that got shorter while being sent: the client can only be told by a connection that ends too early.
      if (count < 0) return transferBroken;
      this.position += count;
      this.remaining -= count;
      this.stretch -= count;
      turn -= count;
    }
    this.close();
    return transferDone;
  }

  /** Sends what goes before the next part of several, or after the last one. */
  private beginPart(): void {
    const multipart = this.multipart;
    if (multipart === null) return;
    const head = multipart.head(this.partIndex);
    this.position = multipart.ranges.startAt(this.partIndex);
    this.stretch = multipart.ranges.lengthAt(this.partIndex);
    this.partIndex += 1;
    this.remaining -= head.length;
    this.channel.send(Buffer.from(head, "latin1"), this.remaining > 0);
  }

  close(): void {
    this.multipart = null;
    if (this.fd < 0) return;
    const fd = this.fd;
    this.fd = -1;
    try {
      fs.closeSync(fd);
    } catch {
      // Nothing can be done about it, and the descriptor is gone either way.
    }
  }
}
