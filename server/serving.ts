/** What all connections share. */
import { AccessLog } from "./access-log.ts";
import type { Connection } from "./connection.ts";
import { formatHttpDate } from "./http-date.ts";
import { Metrics } from "./metrics.ts";
import type { Options } from "./options.ts";
import { Site } from "./site.ts";

export class Serving {
  readonly options: Options;
  readonly site: Site;
  readonly metrics: Metrics;
  readonly accessLog: AccessLog;
  readonly connections = new Map<number, Connection>();
  /** Set while the server drains: no connection is kept for another request. */
  isDraining = false;
  private dateSecond = -1;
  private date = "";
  constructor(options: Options) {
    this.options = options;
    this.site = new Site(options.rootDirectory, options.indexFilename, options.serveHidden);
    this.metrics = new Metrics(options.site);
    this.accessLog = new AccessLog();
  }

  /** The Date field's value, made once a second. */
  dateAt(nowMs: number): string {
    const second = Math.floor(nowMs / 1000);
    if (second !== this.dateSecond) {
      this.dateSecond = second;
      this.date = formatHttpDate(nowMs);
    }
    return this.date;
  }
}
