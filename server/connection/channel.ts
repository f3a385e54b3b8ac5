/**
 * One client's byte stream, as both runtimes offer it: Node's in ../node-channel.ts, the native one in
 * ../native/epoll-channel.ts. What a connection is told comes through its own methods: receive, proceed, peerEnded, drop.
 */
export abstract class Channel {
  /** The client's address as text, without port. */
  address = "";
  /** Bytes the kernel took so far: a client that makes no progress is told by it. */
  sentBytes = 0;
  /** Sends bytes, or keeps those that don't go out now. The buffer must not be changed afterwards. */
  abstract send(bytes: Buffer, hasMore: boolean): void;
  /**
   * Sends part of an open file. Returns how much was taken, which may be less or 0: proceed() comes when there is
   * room; -1 where the connection broke or the file is shorter.
   */
  abstract sendFile(fd: number, position: number, count: number): number;
  /** Whether all that was sent has gone out; where not, proceed() is called once it has. */
  abstract isReady(): boolean;
  /** Asks for a call of proceed() after the other connections had their turn. */
  abstract yieldTurn(): void;
  /** Room to write: sends what waits. Returns whether all of it went out. */
  abstract flush(): boolean;
  /** After flush() and proceed(): tells the runtime whether room to write is still waited for. */
  abstract watch(): void;
  abstract pauseReading(): void;
  abstract resumeReading(): void;
  /** Ends our side after what was sent. */
  abstract endWriting(): void;
  abstract close(): void;
}
