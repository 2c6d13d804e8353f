import { BlockList, isIP } from 'node:net'
import type { HttpResponse } from 'uWebSockets.js'

/** Tells the network address of the client that a request came from. */
export type ClientAddress = (response: HttpResponse) => string

/**
 * Takes the address that a PROXY protocol header names (version 2, which uWebSockets.js reads:
 * https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt), but only from the proxies named here: anybody can write
 * such a header. From all others, and without a header, it is the address of the connection's other end.
 *
 * @param trustedProxies - IPv4 and IPv6 addresses, and networks such as `10.0.0.0/8`
 */
export function clientAddressBehind(trustedProxies: readonly string[]): ClientAddress {
  const isTrusted = createMatcher(trustedProxies)
  return (response) => {
    const peer = peerAddress(response)
    if (!isTrusted(peer)) return peer
    return toText(response.getProxiedRemoteAddressAsText()) || peer
  }
}

/**
 * Tells whose a connection is that was just opened, and has said nothing yet; undefined: a proxy's, for a client that it
 * will name.
 */
export function openerBehind(trustedProxies: readonly string[]): (response: HttpResponse) => string | undefined {
  const isTrusted = createMatcher(trustedProxies)
  return (response) => {
    const peer = peerAddress(response)
    return isTrusted(peer) ? undefined : peer
  }
}

function createMatcher(networks: readonly string[]): (address: string) => boolean {
  if (networks.length === 0) return () => false
  const list = new BlockList()
  for (const network of networks) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(prefix), family)
  }
  // An IPv4 peer of a socket that takes IPv6 too is written ::ffff:a.b.c.d, and found under its IPv4 address.
  return (address) => list.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

function peerAddress(response: HttpResponse): string {
  return toText(response.getRemoteAddressAsText())
}

function toText(address: ArrayBuffer): string {
  return Buffer.from(address).toString('latin1')
}
