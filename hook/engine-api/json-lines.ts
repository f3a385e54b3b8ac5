import { StringDecoder } from "node:string_decoder";

/** A line of an Engine's is some hundred bytes; one without an end must not fill the memory. */
const maximumLineLength = 4 * 1024 * 1024;

/** Something in between has answered instead, or a line came in part. */
export class MalformedLine extends Error {}

/** Each line of a stream as JSON, as it comes; blank ones are left out. */
export async function* readJsonLines(stream: AsyncIterable<Buffer>): AsyncGenerator<unknown, void, void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  for await (const chunk of stream) {
    const lines = (rest + decoder.write(chunk)).split("\n");
    rest = lines.pop() ?? "";
    if (rest.length > maximumLineLength) throw new Error("a line without an end");
    for (const line of lines) {
      if (line.trim() !== "") yield parseLine(line);
    }
  }
  if (rest.trim() !== "") yield parseLine(rest);
}

function parseLine(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new MalformedLine(`a line that is not JSON: ${line.trim().slice(0, 80)}`);
  }
}
