/** Header fields in their order, while they are being put together. */
import { textAt } from "./text.ts";
export class FieldList {
  private readonly names: string[] = [];
  private readonly values: string[] = [];
  /** Whether a rule of the site gave the value. */
  private readonly areAdded: boolean[] = [];

  private indexOf(name: string): number {
    const key = name.toLowerCase();
    for (let i = 0; i < this.names.length; i++) {
      if (textAt(this.names, i).toLowerCase() === key) return i;
    }
    return -1;
  }

  /** What the server sends by itself. */
  set(name: string, value: string): void {
    this.names.push(name);
    this.values.push(value);
    this.areAdded.push(false);
  }

  /** What a rule adds: it replaces the server's value, and comes after that of a former rule (RFC 9110 5.3). */
  add(name: string, value: string): void {
    const index = this.indexOf(name);
    // RFC 6265 3: lines of Set-Cookie are not joined.
    if (index < 0 || name.toLowerCase() === "set-cookie") {
      this.set(name, value);
      this.areAdded[this.names.length - 1] = true;
      return;
    }
    this.values[index] = this.areAdded[index] === true ? `${textAt(this.values, index)}, ${value}` : value;
    this.areAdded[index] = true;
  }

  /** Removes a field and gives its value, "" where there is none. */
  take(name: string): string {
    let value = "";
    let index = this.indexOf(name);
    while (index >= 0) {
      value = textAt(this.values, index);
      this.names.splice(index, 1);
      this.values.splice(index, 1);
      this.areAdded.splice(index, 1);
      index = this.indexOf(name);
    }
    return value;
  }

  /** As lines of a head, each with its CRLF. */
  text(): string {
    const lines: string[] = [];
    for (let i = 0; i < this.names.length; i++)
      lines.push(`${textAt(this.names, i)}: ${textAt(this.values, i)}\r\n`);
    return lines.join("");
  }
}
