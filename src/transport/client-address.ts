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
  if (trustedProxies.length === 0) return peerAddress
  const trusted = new BlockList()
  for (const network of trustedProxies) {
    const [address = '', prefix] = network.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(prefix), family)
  }
  return (response) => {
    const peer = peerAddress(response)
    const named = toText(response.getProxiedRemoteAddressAsText())
    // An IPv4 peer of a socket that takes IPv6 too is written ::ffff:a.b.c.d, and found under its IPv4 address.
    return named !== '' && trusted.check(peer, isIP(peer) === 6 ? 'ipv6' : 'ipv4') ? named : peer
  }
}

function peerAddress(response: HttpResponse): string {
  return toText(response.getRemoteAddressAsText())
}

function toText(address: ArrayBuffer): string {
  return Buffer.from(address).toString('latin1')
}
