import { BlockList, isIP } from 'node:net'
import type { HttpRequest, HttpResponse } from 'uWebSockets.js'
import { headerValues } from './header-values.ts'

/** Tells the network address of the client that a request came from. */
export type ClientAddress = (response: HttpResponse, request: HttpRequest) => string

/** Where proxies stand. Others may send the header as they like. */
const PRIVATE_NETWORKS = ['127.0.0.0/8', '::1', '10.0.0.0/8', '172.16.0.0/12', '192.168.0.0/16', 'fc00::/7']
/** More would only fill the log. */
const MAX_TOLD = 10

/**
 * Takes the address that a PROXY protocol header names (version 2, which uWebSockets.js reads:
 * https://www.haproxy.org/download/2.6/doc/proxy-protocol.txt) or, without one, `X-Forwarded-For`; but only from the proxies
 * named here: anybody can write such headers. From all others, and without a header, it is the address of the connection's
 * other end.
 *
 * @param trustedProxies - IPv4 and IPv6 addresses, and networks such as `10.0.0.0/8`
 * @param onUnknownProxy - somebody of a private network sends `X-Forwarded-For` and is not named: once for each of them
 */
export function clientAddressBehind(
  trustedProxies: readonly string[],
  onUnknownProxy: (address: string) => void = () => {},
): ClientAddress {
  const isTrusted = createMatcher(trustedProxies)
  const isPrivate = createMatcher(PRIVATE_NETWORKS)
  const told = new Set<string>()
  const notice = (peer: string): void => {
    if (told.size >= MAX_TOLD || told.has(peer) || !isPrivate(peer)) return
    told.add(peer)
    onUnknownProxy(peer)
  }
  return (response, request) => {
    const peer = peerAddress(response)
    if (!isTrusted(peer)) {
      if (request.getHeader('x-forwarded-for') !== '') notice(peer)
      return peer
    }
    return (
      toText(response.getProxiedRemoteAddressAsText()) ||
      lastStranger(headerValues(request, 'x-forwarded-for').map(withoutPort), isTrusted) ||
      peer
    )
  }
}

/**
 * The client among the addresses of `X-Forwarded-For`, each that of whoever asked a proxy: the last one that is no proxy's,
 * since what stands before it may be invented. Where all are proxies', the first one. Undefined: there is none, or the last
 * one is no address.
 */
function lastStranger(addresses: readonly string[], isTrusted: (address: string) => boolean): string | undefined {
  let found: string | undefined
  for (const address of addresses.toReversed()) {
    if (isIP(address) === 0) return found
    found = address
    if (!isTrusted(address)) return found
  }
  return found
}

/** Of `192.0.2.1:4711` and `[2001:db8::1]:4711`, as some proxies write. */
function withoutPort(text: string): string {
  return /^\[([^\]]*)\](?::\d+)?$/.exec(text)?.[1] ?? /^([\d.]+):\d+$/.exec(text)?.[1] ?? text
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
