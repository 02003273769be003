import type { LookupAddress, LookupOptions } from 'node:dns';
import { BlockList, isIP, type LookupFunction } from 'node:net';

/** Loopback, private, link-local, carrier-grade NAT, multicast and reserved addresses of IPv4. */
const PRIVATE_IPV4 = [
  '0.0.0.0/8',
  '10.0.0.0/8',
  '100.64.0.0/10',
  '127.0.0.0/8',
  '169.254.0.0/16',
  '172.16.0.0/12',
  '192.0.0.0/24',
  '192.168.0.0/16',
  '224.0.0.0/4',
  '240.0.0.0/4',
] as const;

/** Loopback and multicast, those of local networks, and those that contain an address of IPv4, of IPv6. */
const PRIVATE_IPV6 = [
  '::/96',
  '::ffff:0:0:0/96',
  '64:ff9b:1::/48',
  '2001::/32',
  '2002::/16',
  'fc00::/7',
  'fe80::/10',
  'fec0::/10',
  'ff00::/8',
] as const;

let ranges: BlockList | undefined;

function privateRanges(): BlockList {
  if (ranges !== undefined) return ranges;
  ranges = new BlockList(); // it also knows IPv4 addresses that are mapped into IPv6
  for (const range of PRIVATE_IPV4) {
    const [network = '', bits] = range.split('/');
    ranges.addSubnet(network, Number(bits), 'ipv4');
    ranges.addSubnet(`64:ff9b::${network}`, 96 + Number(bits), 'ipv6'); // as NAT64 writes it
  }
  for (const range of PRIVATE_IPV6) {
    const [network = '', bits] = range.split('/');
    ranges.addSubnet(network, Number(bits), 'ipv6');
  }
  return ranges;
}

/** Whether a host (a `URL.hostname`) or IP address is on this machine or in its network. Does not resolve names. */
export function isPrivateAddress(host: string): boolean {
  const name = host.replace(/^\[|\]$|%.*$/g, '').replace(/\.$/, '');
  const family = isIP(name);
  if (family === 0) return /(^|\.)localhost$/i.test(name);
  return privateRanges().check(name, family === 4 ? 'ipv4' : 'ipv6');
}

/** The code of a connection that was not opened because its address is private or loopback. */
export const PRIVATE_ADDRESS = 'EPRIVATE';

export function privateAddressError(host: string, address: string): Error {
  const place = host === address ? host : `${host} (${address})`;
  return Object.assign(new Error(`${place} is a private or loopback address`), { code: PRIVATE_ADDRESS });
}

type Lookup = (
  host: string,
  options: LookupOptions,
  callback: (error: NodeJS.ErrnoException | null, found: string | LookupAddress[], family?: number) => void,
) => void;

/** A lookup without private addresses, so that the address that was checked is used. Fails if no other is left. */
export function publicLookup(lookup: Lookup): LookupFunction {
  return (host, options, callback) => {
    lookup(host, options, (error, found, family) => {
      if (error !== null) return callback(error, found, family);
      const all = Array.isArray(found) ? found.map(({ address }) => address) : [found];
      if (all.every(isPrivateAddress)) return callback(privateAddressError(host, all.join(', ')), found, family);
      callback(null, Array.isArray(found) ? found.filter(({ address }) => !isPrivateAddress(address)) : found, family);
    });
  };
}
