import { type LookupAddress, lookup } from "node:dns";
import { BlockList, isIPv4, type LookupFunction } from "node:net";

/** The special-purpose address registries of the IANA (RFC 6890), and multicast. */
const privateNetworks = new BlockList();
for (const [network, bits] of [
  ["0.0.0.0", 8],
  ["10.0.0.0", 8],
  ["100.64.0.0", 10],
  ["127.0.0.0", 8],
  ["169.254.0.0", 16],
  ["172.16.0.0", 12],
  ["192.0.0.0", 24],
  ["192.0.2.0", 24],
  ["192.88.99.0", 24],
  ["192.168.0.0", 16],
  ["198.18.0.0", 15],
  ["198.51.100.0", 24],
  ["203.0.113.0", 24],
  ["224.0.0.0", 3],
] as const)
  privateNetworks.addSubnet(network, bits, "ipv4");
for (const [network, bits] of [
  ["2001::", 23],
  ["2001:db8::", 32],
  // 6to4 has an IPv4 address in it, which may be any.
  ["2002::", 16],
  ["3fff::", 20],
] as const)
  privateNetworks.addSubnet(network, bits, "ipv6");

/** All of IPv6 that is given out for the internet at large. */
const globalUnicast = new BlockList();
globalUnicast.addSubnet("2000::", 3, "ipv6");

export function isPublicAddress(address: string): boolean {
  if (isIPv4(address)) return !privateNetworks.check(address, "ipv4");
  return globalUnicast.check(address, "ipv6") && !privateNetworks.check(address, "ipv6");
}

export type Resolve = (
  name: string,
  options: { all: true; family: number },
  done: (error: Error | null, addresses: LookupAddress[]) => void,
) => void;

/**
 * For a connection's `lookup`: a name that leads to any address which is not public is not connected to. What was
 * looked at is what is connected to, so that no second answer of the DNS can be another one.
 */
export function lookupPublic(resolve: Resolve = lookup): LookupFunction {
  return (name, { all = false, family = 0 }, done) => {
    resolve(
      name,
      { all: true, family: family === "IPv4" ? 4 : family === "IPv6" ? 6 : family },
      (error, addresses) => {
        const [first] = addresses ?? [];
        if (error !== null) return done(error, []);
        if (first === undefined || !addresses.every(({ address }) => isPublicAddress(address)))
          return done(new Error(`${name} has an address that is not public`), []);
        return all ? done(null, addresses) : done(null, first.address, first.family);
      },
    );
  };
}
