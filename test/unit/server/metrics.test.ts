import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { Metrics } from "../../../server/metrics.ts";

interface Sample {
  name: string;
  labels: Readonly<Record<string, string>>;
  value: number;
}

const escapes: Readonly<Record<string, string>> = { "\\\\": "\\", '\\"': '"', "\\n": "\n" };

/** Reads the text format 0.0.4 strictly: every line is a comment or a sample, every sample's family is declared above it. */
function parseText(text: string): Sample[] {
  assert.ok(text.endsWith("\n"), "the last line is ended");
  const samples: Sample[] = [];
  let family = "";
  for (const line of text.slice(0, -1).split("\n")) {
    const type = /^# TYPE (\w+) (?:counter|gauge|histogram)$/.exec(line);
    if (type?.[1] !== undefined) family = type[1];
    if (/^# (?:HELP \w+ \S.*|TYPE \w+ \w+)$/.test(line)) continue;
    const match = /^(\w+)\{((?:\w+="(?:[^"\\\n]|\\[\\"n])*",?)*)\} (\d+(?:\.\d+)?(?:e-\d+)?)$/.exec(line);
    if (match === null) assert.fail(`no sample: ${JSON.stringify(line)}`);
    const [, name = "", labelText = "", value = ""] = match;
    assert.ok(name.startsWith(family) && family !== "", `${name} under ${family}`);
    const labels = [...labelText.matchAll(/(\w+)="((?:[^"\\]|\\.)*)"/g)].map(
      ([, label = "", quoted = ""]) => [
        label,
        quoted.replaceAll(/\\[\\"n]/g, (sequence) => escapes[sequence] ?? ""),
      ],
    );
    samples.push({ name, labels: Object.fromEntries(labels), value: Number(value) });
  }
  return samples;
}

function readValue(
  metrics: Metrics,
  name: string,
  labels: Readonly<Record<string, string>>,
): number | undefined {
  return parseText(metrics.render("1.2.3", 4)).find(
    (sample) =>
      sample.name === name &&
      Object.entries(labels).every(([label, value]) => sample.labels[label] === value),
  )?.value;
}

test("before the first request the text is well-formed and has a whole histogram", () => {
  const samples = parseText(new Metrics("notset").render("1.2.3", 4));
  assert.deepEqual(
    samples.map(({ name, labels }) => labels["le"] ?? name),
    [
      "statigo_build_info",
      "statigo_connections",
      ...["0.005", "0.01", "0.025", "0.05", "0.1", "0.25", "0.5", "1", "2.5", "5", "10", "+Inf"],
      "statigo_response_time_seconds_sum",
      "statigo_response_time_seconds_count",
      "statigo_sent_bytes_total",
    ],
  );
  assert.deepEqual(samples[0]?.labels, { site: "notset", version: "1.2.3" });
  assert.deepEqual(
    samples.map(({ value }) => value),
    [1, 4, ...samples.slice(2).map(() => 0)],
  );
});

test("every sample carries the site", () => {
  const metrics = new Metrics("blog");
  metrics.record(200, "/", 0.1);
  metrics.record(404, "", 0.1);
  assert.ok(parseText(metrics.render("1.2.3", 4)).every(({ labels }) => labels["site"] === "blog"));
});

test("quotes, backslashes and line ends in a site or a path come back as they were", () => {
  for (const odd of ['a"b', "a\\b", "a\nb", 'a\\"b\\n', "}", 'x",y="z', "grüße"]) {
    const metrics = new Metrics(odd);
    metrics.record(200, `/${odd}`, 0);
    assert.equal(readValue(metrics, "statigo_requests_total", { site: odd, path: `/${odd}` }), 1, odd);
  }
});

test("every status is counted, but paths and durations of 2xx and 3xx alone", () => {
  const metrics = new Metrics("s");
  for (const status of [200, 200, 206, 301, 304, 400, 404, 412, 503]) metrics.record(status, "/a", 0.001);
  for (const [status, count] of [
    ["200", 2],
    ["206", 1],
    ["301", 1],
    ["304", 1],
    ["400", 1],
    ["404", 1],
    ["412", 1],
    ["503", 1],
  ] as const)
    assert.equal(readValue(metrics, "statigo_status_total", { status }), count, status);
  assert.equal(readValue(metrics, "statigo_requests_total", { path: "/a" }), 5);
  assert.equal(readValue(metrics, "statigo_response_time_seconds_count", {}), 5);
});

describe("a histogram", () => {
  const metrics = new Metrics("s");
  for (const seconds of [0, 0.005, 0.0051, 0.3, 10, 10.1]) metrics.record(200, "", seconds);
  const cumulative: Readonly<Record<string, number>> = {
    "0.005": 2,
    "0.01": 3,
    "0.25": 3,
    "0.5": 4,
    "5": 4,
    "10": 5,
    "+Inf": 6,
  };
  for (const [le, count] of Object.entries(cumulative)) {
    test(`counts ${count} of six up to ${le} seconds, bounds included`, () => {
      assert.equal(readValue(metrics, "statigo_response_time_seconds_bucket", { le }), count);
    });
  }

  test("sums the durations", () => {
    const sum = readValue(metrics, "statigo_response_time_seconds_sum", {}) ?? 0;
    assert.ok(Math.abs(sum - 20.4101) < 1e-9);
  });
});

test("more paths than ten thousand are counted together, the known ones still one by one", () => {
  const metrics = new Metrics("s");
  for (let i = 0; i < 10_500; i++) metrics.record(200, `/${i}`, 0);
  metrics.record(200, "/7", 0);
  const requests = parseText(metrics.render("1.2.3", 4)).filter(
    ({ name }) => name === "statigo_requests_total",
  );
  assert.equal(requests.length, 10_001);
  assert.equal(readValue(metrics, "statigo_requests_total", { path: "(other)" }), 500);
  assert.equal(readValue(metrics, "statigo_requests_total", { path: "/7" }), 2);
});
