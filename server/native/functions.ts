/** The functions of transport.c and hash.c; transport.json binds them. What they return is said there. */

export declare function sgOpen(): number;
export declare function sgListen(host: string, port: number): number;
export declare function sgWait(timeoutMs: number): number;
export declare function sgEventDescriptor(index: number): number;
export declare function sgEventFlags(index: number): number;
export declare function sgSignal(): number;
export declare function sgAccept(listener: number): number;
export declare function sgPeer(target: Buffer): number;
export declare function sgWatch(fd: number, interest: number): number;
export declare function sgReceive(fd: number, target: Buffer): number;
export declare function sgSend(fd: number, bytes: Buffer, from: number, more: number): number;
export declare function sgSendFile(fd: number, file: number, position: number, count: number): number;
export declare function sgEnd(fd: number): void;
export declare function sgClose(fd: number): void;
export declare function sgMix(state: Buffer, content: Buffer, lengthBytes: number): void;
export declare function sgDescriptorLimit(): number;
export declare function sgConnect(host: string, port: number, timeoutMs: number): number;

export const readable = 1;
export const writable = 2;
export const gone = 4;
/** Results below zero: nothing now; of no more use. */
export const again = -1;
export const broken = -2;
