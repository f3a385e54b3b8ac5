/** The address to listen on, from its text. */
import { textAt } from "../text.ts";
import { parseCount } from "./flag-values.ts";

/** `host` is "" for all addresses; `port` is -1 where the text is no address. */
export class ListenAddress {
  readonly host: string;
  readonly port: number;
  constructor(host: string, port: number) {
    this.host = host;
    this.port = port;
  }
}

/** `:3000`, `127.0.0.1:3000`, `localhost:3000`, `[::1]:3000` */
export function parseListenAddress(text: string): ListenAddress {
  const invalid = new ListenAddress("", -1);
  const parts = text.split(":");
  const portText = textAt(parts, parts.length - 1);
  if (parts.length < 2 || portText.length > 5) return invalid;
  const port = parseCount(portText);
  if (port < 0 || port > 65535) return invalid;
  const host = text.slice(0, text.length - portText.length - 1);
  if (host.startsWith("[") && host.endsWith("]"))
    return new ListenAddress(host.slice(1, host.length - 1), port);
  return host.includes(":") ? invalid : new ListenAddress(host, port);
}
