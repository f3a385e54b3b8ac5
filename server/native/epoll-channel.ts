/** A channel on a descriptor of its own, watched by the one poller. */
import { Channel } from "../connection/channel.ts";
import { readable, sgClose, sgEnd, sgSend, sgSendFile, sgWatch, writable } from "./functions.ts";

export class EpollChannel extends Channel {
  private readonly fd: number;
  /** What the kernel had no room for yet. */
  private queue: Buffer[] = [];
  /** How much of the queue's first buffer went out. */
  private queueOffset = 0;
  private interest = readable;
  private isReading = true;
  private isTurnAsked = false;
  private isEnding = false;
  private isBroken = false;

  constructor(fd: number, address: string) {
    super();
    this.fd = fd;
    this.address = address;
  }

  override send(bytes: Buffer, hasMore: boolean): void {
    if (this.queue.length > 0) {
      this.queue.push(bytes);
      return;
    }
    const count = this.take(sgSend(this.fd, bytes, 0, hasMore ? 1 : 0));
    if (count >= bytes.length || this.isBroken) return;
    this.queue.push(bytes);
    this.queueOffset = count;
    this.watch();
  }

  override sendFile(fd: number, position: number, count: number): number {
    const sent = sgSendFile(this.fd, fd, position, count);
    if (sent < -1) return -1;
    // Less than asked for means that the kernel has no room: asking again would only hear so.
    if (sent < count) this.yieldTurn();
    if (sent < 0) return 0;
    this.sentBytes += sent;
    return sent;
  }

  override isReady(): boolean {
    return this.queue.length === 0 && !this.isTurnAsked && !this.isBroken;
  }

  override yieldTurn(): void {
    this.isTurnAsked = true;
    this.watch();
  }

  override pauseReading(): void {
    this.isReading = false;
    this.watch();
  }

  override resumeReading(): void {
    this.isReading = true;
    this.watch();
  }

  override endWriting(): void {
    this.isEnding = true;
    if (this.queue.length === 0) sgEnd(this.fd);
  }

  override close(): void {
    sgClose(this.fd);
  }

  override flush(): boolean {
    this.isTurnAsked = false;
    while (this.queue.length > 0) {
      const first = this.queue[0] ?? Buffer.alloc(0);
      this.queueOffset += this.take(sgSend(this.fd, first, this.queueOffset, 0));
      if (this.isBroken || this.queueOffset < first.length) return false;
      this.queue.shift();
      this.queueOffset = 0;
    }
    if (this.isEnding) sgEnd(this.fd);
    return true;
  }

  /** How many bytes a send took; a connection that broke is reported by the poller. */
  private take(result: number): number {
    if (result < -1) this.isBroken = true;
    if (result < 0) return 0;
    this.sentBytes += result;
    return result;
  }

  /**
   * Tells the poller what is waited for now. Not from flush(): while a file is sent, room to write is waited for again
   * and again, and the poller needs not be told.
   */
  override watch(): void {
    const waits = this.queue.length > 0 || this.isTurnAsked;
    const interest = (this.isReading ? readable : 0) + (waits ? writable : 0);
    if (interest === this.interest) return;
    this.interest = interest;
    sgWatch(this.fd, interest);
  }
}
