import { StringDecoder } from "node:string_decoder";

/** A longer line is cut into several: a program that never ends its line must not fill the memory. */
const maximumLineLength = 4096;

/** Calls back for each line of a stream, and resolves at its end. */
export async function forEachLine(
  stream: NodeJS.ReadableStream,
  onLine: (line: string) => void,
): Promise<void> {
  const decoder = new StringDecoder("utf8");
  let rest = "";
  stream.on("data", (chunk: Buffer) => {
    const parts = (rest + decoder.write(chunk)).split(/\r?\n/);
    rest = parts.pop() ?? "";
    for (const part of parts) onLine(part);
    while (rest.length > maximumLineLength) {
      onLine(rest.slice(0, maximumLineLength));
      rest = rest.slice(maximumLineLength);
    }
  });
  // "close" also comes when the stream is destroyed or fails, "end" only when it was read to its end.
  await new Promise((resolve) => stream.once("close", resolve));
  if (rest !== "") onLine(rest);
}
