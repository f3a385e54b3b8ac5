/** Prometheus metrics with the names of statigo v8, in the text format 0.0.4. */

import { PathNumbers } from "./path-numbers.ts";

/** Upper bounds in seconds: the defaults of Prometheus' Go client, which statigo v8 used. */
const bucketSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
const firstBucketSeconds = 0.005;
const maxStatus = 600;
/** Paths counted one by one are those of files that exist; above this many they are counted together. */
const maxPaths = 10000;
const otherPaths = "(other)";

function escapeLabel(text: string): string {
  return text.split("\\").join("\\\\").split('"').join('\\"').split("\n").join("\\n");
}

export class Metrics {
  private readonly site: string;
  /** Typed arrays: natively, reading a plain one makes an object for the case that nothing is there. */
  private readonly statuses = new Float64Array(maxStatus);
  private readonly buckets = new Float64Array(bucketSeconds.length + 1);
  /** A number for each path. Who has it counts without a look-up: that took as long as all the rest of the counting. */
  private readonly paths = new PathNumbers();
  /** Requests, by the path's number. */
  private requests = new Float64Array(64);
  private sentBytes = 0;
  private durationSum = 0;
  private durationCount = 0;
  constructor(site: string) {
    this.site = escapeLabel(site);
  }

  /** Content that went out, also of answers that were broken off. */
  countBytes(bytes: number): void {
    this.sentBytes += bytes;
  }

  /** The number of the path of a file that exists. */
  counterFor(path: string): number {
    const counter = this.paths.numberOf(path, this.paths.size < maxPaths || path === otherPaths);
    if (counter < 0) return this.counterFor(otherPaths);
    if (counter >= this.requests.length) {
      const former = this.requests;
      this.requests = new Float64Array(counter * 2);
      for (let i = 0; i < former.length; i++) this.requests[i] = former[i] ?? 0;
    }
    return counter;
  }

  /** @param counter of counterFor() */
  countPath(counter: number): void {
    const requests = this.requests;
    requests[counter] = (requests[counter] ?? 0) + 1;
  }

  /**
   * Counts one answered request. As in statigo v8, paths and durations are those of 2xx and 3xx only.
   * @param path of a file that exists, or "" where none was found
   */
  record(status: number, path: string, seconds: number): void {
    if (status >= 200 && status <= 399 && path !== "") this.countPath(this.counterFor(path));
    this.recordStatus(status, seconds);
  }

  recordStatus(status: number, seconds: number): void {
    const statuses = this.statuses;
    statuses[status] = (statuses[status] ?? 0) + 1;
    if (status < 200 || status > 399) return;
    let bucket = 0;
    if (seconds > firstBucketSeconds) {
      while (bucket < bucketSeconds.length && seconds > (bucketSeconds[bucket] ?? 0)) bucket++;
    }
    const buckets = this.buckets;
    buckets[bucket] = (buckets[bucket] ?? 0) + 1;
    this.durationSum += seconds;
    this.durationCount += 1;
  }

  /** @param connections that are open now */
  render(version: string, connections: number): string {
    const site = `site="${this.site}"`;
    const lines: string[] = [];
    lines.push("# HELP statigo_build_info Version of the server.", "# TYPE statigo_build_info gauge");
    lines.push(`statigo_build_info{${site},version="${version}"} 1`);
    lines.push("# HELP statigo_connections Open connections.", "# TYPE statigo_connections gauge");
    lines.push(`statigo_connections{${site}} ${connections}`);
    lines.push("# HELP statigo_requests_total HTTP requests total.", "# TYPE statigo_requests_total counter");
    for (let counter = 0; counter < this.paths.size; counter++) {
      const path = escapeLabel(this.paths.pathOf(counter));
      lines.push(`statigo_requests_total{path="${path}",${site}} ${this.requests[counter] ?? 0}`);
    }
    lines.push("# HELP statigo_response_time_seconds Duration of HTTP requests.");
    lines.push("# TYPE statigo_response_time_seconds histogram");
    let cumulative = 0;
    for (let i = 0; i < bucketSeconds.length; i++) {
      cumulative += this.buckets[i] ?? 0;
      lines.push(`statigo_response_time_seconds_bucket{${site},le="${bucketSeconds[i]}"} ${cumulative}`);
    }
    lines.push(`statigo_response_time_seconds_bucket{${site},le="+Inf"} ${this.durationCount}`);
    lines.push(`statigo_response_time_seconds_sum{${site}} ${this.durationSum}`);
    lines.push(`statigo_response_time_seconds_count{${site}} ${this.durationCount}`);
    lines.push(
      "# HELP statigo_sent_bytes_total Bytes of content sent.",
      "# TYPE statigo_sent_bytes_total counter",
    );
    lines.push(`statigo_sent_bytes_total{${site}} ${this.sentBytes}`);
    lines.push("# HELP statigo_status_total HTTP response status.", "# TYPE statigo_status_total counter");
    for (let status = 0; status < maxStatus; status++) {
      const count = this.statuses[status] ?? 0;
      if (count > 0) lines.push(`statigo_status_total{${site},status="${status}"} ${count}`);
    }
    return `${lines.join("\n")}\n`;
  }
}
