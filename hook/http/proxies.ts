import { BlockList, isIP, isIPv4 } from "node:net";
import { z } from "zod";

/** Whether an address is a proxy's whose word on the client's address is taken. */
export type ProxyCheck = (address: string) => boolean;

export const proxiesField = z
  .array(z.string())
  .max(100)
  .transform((networks, context): ProxyCheck => {
    const trusted = new BlockList();
    for (const [index, network] of networks.entries()) {
      if (!addNetwork(trusted, network)) {
        const message = "not an address or a network, such as 127.0.0.1 or 10.0.0.0/8";
        context.addIssue({ code: "custom", path: [index], message });
      }
    }
    return (address) => isIP(address) !== 0 && trusted.check(address, isIPv4(address) ? "ipv4" : "ipv6");
  })
  .describe("the proxies in front of the hook, whose X-Forwarded-For is believed: addresses and networks");

function addNetwork(list: BlockList, network: string): boolean {
  const [, address = "", bits] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(network) ?? [];
  const version = isIP(address);
  const width = version === 4 ? 32 : 128;
  const prefix = Number(bits ?? width);
  if (version === 0 || prefix > width) return false;
  list.addSubnet(address, prefix, version === 4 ? "ipv4" : "ipv6");
  return true;
}

/**
 * Who sent a request, as far as the trusted proxies say. A proxy may pass on what is no address, or an address with a
 * port (as Azure's gateways do).
 */
export function clientAddress({
  ip,
  socket,
}: {
  ip: string;
  socket: { remoteAddress?: string | undefined };
}): string {
  const withoutPort = /^\[?([0-9a-f.:]+?)\]?(?::\d{1,5})?$/i.exec(ip)?.[1] ?? "";
  const given = [ip, withoutPort].find((address) => isIP(address) !== 0);
  return given ?? socket.remoteAddress ?? "unknown";
}

/** What one customer of a provider has: an IPv4 address, or the 2^64 IPv6 addresses with the same first half. */
export function networkOf(address: string): string {
  const [, mapped] = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address) ?? [];
  if (mapped !== undefined || !address.includes(":")) return mapped ?? address;
  const [head = "", tail = ""] = address.split("::");
  const before = head.split(":").filter((part) => part !== "");
  const after = tail.split(":").filter((part) => part !== "");
  const between = Array<string>(Math.max(0, 8 - before.length - after.length)).fill("0");
  const parts = [...before, ...between, ...after].slice(0, 4);
  return parts.map((part) => Number.parseInt(part, 16).toString(16)).join(":");
}
