/**
 * The search for what answers one request in the site. It goes on until the file that was found is prepared and open, since
 * a file may change between being found and being opened.
 */
import { needsTag } from "../conditional.ts";
import type { Head } from "../head/head.ts";
import { notKept } from "../kept.ts";
import { noReply, type Reply, replyWithError } from "../reply.ts";
import type { Representation } from "../representation.ts";
import { concludeAnswer, Finding, findAnswer } from "../respond.ts";
import type { Serving } from "../serving.ts";
import { hashAtOnceBytes } from "../site/file-memory.ts";
import { learnPage } from "./known-answers.ts";
import type { Transfer } from "./transfer.ts";

const nothingFound = new Finding(null, null, null, 0);

export class Lookup {
  private readonly serving: Serving;
  private readonly head: Head;
  private readonly transfer: Transfer;
  private finding: Finding = nothingFound;
  private triesLeft = 2;

  constructor(serving: Serving, head: Head, transfer: Transfer) {
    this.serving = serving;
    this.head = head;
    this.transfer = transfer;
  }

  /** The reply, its file open in the transfer; noReply where its tag has to be made first: whenTagged() is to be called, then resume(). */
  findReply(): Reply {
    const serving = this.serving;
    const head = this.head;
    const finding = findAnswer(head, serving.site, serving.nowMs);
    this.finding = finding;
    const representation = finding.representation;
    if (representation === null) return concludeAnswer(head, finding, serving.nowMs);
    if (representation.etag === "" && representation.sizeBytes > hashAtOnceBytes) {
      serving.hashTaskFor(representation);
      return needsTag(head) ? noReply : this.openReply();
    }
    return this.isPrepared(representation) ? this.openReply() : this.findAgain();
  }

  whenTagged(waiter: (isTagged: boolean) => void): void {
    const representation = this.finding.representation;
    if (representation !== null) this.serving.hashTaskFor(representation).whenDone(waiter);
  }

  /** @param isTagged whether the tag was made; not, where the file changed meanwhile */
  resume(isTagged: boolean): Reply {
    return isTagged ? this.openReply() : this.findAgain();
  }

  private isPrepared(representation: Representation): boolean {
    const memory = this.serving.site.memory;
    try {
      const isToKeep = representation.kept === notKept && memory.hasRoomFor(representation);
      return representation.etag === "" || isToKeep ? memory.prepare(representation) : true;
    } catch {
      return false;
    }
  }

  /** Concludes the reply of a file whose tag is known or not needed, and opens the file where its content is not in memory. */
  private openReply(): Reply {
    const serving = this.serving;
    const head = this.head;
    const finding = this.finding;
    const reply = concludeAnswer(head, finding, serving.nowMs);
    const source = reply.source;
    if (finding.resource !== null) learnPage(serving, head, finding.resource, finding.fields, reply);
    const isFromDisk = source !== null && source.kept === notKept;
    if (!isFromDisk || head.method !== "GET" || reply.length === 0) return reply;
    return this.transfer.open(source) ? reply : this.findAgain();
  }

  private findAgain(): Reply {
    const serving = this.serving;
    const finding = this.finding;
    if (finding.resource !== null) serving.site.forget(finding.resource);
    if (this.triesLeft === 0) return replyWithError(503, "Retry-After: 1\r\n");
    this.triesLeft -= 1;
    return this.findReply();
  }
}
