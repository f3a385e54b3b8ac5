/** Prometheus metrics with the names of statigo v8, in the text format 0.0.4. */

/** Upper bounds in seconds: the defaults of Prometheus' Go client, which statigo v8 used. */
const bucketSeconds = [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10];
/** Paths counted one by one are those of files that exist; above this many they are counted together. */
const maxPaths = 10000;
const otherPaths = "(other)";

function escapeLabel(text: string): string {
  return text.split("\\").join("\\\\").split('"').join('\\"').split("\n").join("\\n");
}

export class Metrics {
  private readonly site: string;
  private readonly statuses = new Map<number, number>();
  private readonly paths = new Map<string, number>();
  private readonly buckets: number[] = [0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
  private durationSum = 0;
  private durationCount = 0;
  constructor(site: string) {
    this.site = escapeLabel(site);
  }

  /**
   * Counts one answered request. As in statigo v8, paths and durations are those of 2xx and 3xx only.
   * @param path of a file that exists, or "" where none was found
   */
  record(status: number, path: string, seconds: number): void {
    this.statuses.set(status, (this.statuses.get(status) ?? 0) + 1);
    if (status < 200 || status > 399) return;
    if (path !== "") this.countPath(path);
    const buckets = this.buckets;
    for (let i = 0; i < bucketSeconds.length; i++) {
      if (seconds <= (bucketSeconds[i] ?? 0)) {
        buckets[i] = (buckets[i] ?? 0) + 1;
        break;
      }
    }
    this.durationSum += seconds;
    this.durationCount += 1;
  }

  private countPath(path: string): void {
    const known = this.paths.get(path);
    if (known !== undefined) this.paths.set(path, known + 1);
    else if (this.paths.size < maxPaths) this.paths.set(path, 1);
    else this.paths.set(otherPaths, (this.paths.get(otherPaths) ?? 0) + 1);
  }

  render(): string {
    const site = `site="${this.site}"`;
    const lines: string[] = [];
    lines.push("# HELP statigo_requests_total HTTP requests total.", "# TYPE statigo_requests_total counter");
    this.paths.forEach((count, path) => {
      lines.push(`statigo_requests_total{path="${escapeLabel(path)}",${site}} ${count}`);
    });
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
    lines.push("# HELP statigo_status_total HTTP response status.", "# TYPE statigo_status_total counter");
    this.statuses.forEach((count, status) => {
      lines.push(`statigo_status_total{${site},status="${status}"} ${count}`);
    });
    return `${lines.join("\n")}\n`;
  }
}
