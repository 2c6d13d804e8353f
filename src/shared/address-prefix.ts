import { isIP } from 'node:net'

/**
 * The part of a network address that limits count: all of an IPv4 address, the first 64 bits of an IPv6 one, since whoever
 * has one address of those has all. What is no address is its own prefix.
 */
export function addressPrefix(address: string): string {
  return addressPrefixes(address)[0]!
}

/** Whether it is the address from which programs ask a server of their own machine, unless they choose another. */
export function isThisMachine(address: string): boolean {
  if (isIP(address) !== 6) return address === '127.0.0.1'
  return expandIPv6(address).join(':') === '0:0:0:0:0:0:0:1' || addressPrefix(address) === '127.0.0.1'
}

/** Whether it is this machine's address for itself. */
export function isLoopback(address: string): boolean {
  if (isIP(address) !== 6) return address.startsWith('127.')
  return expandIPv6(address).join(':') === '0:0:0:0:0:0:0:1' || addressPrefix(address).startsWith('127.')
}

/**
 * {@link addressPrefix}, and the wider prefixes that an IPv6 address lies in: customers of many providers have 2^8 networks of 64 bits,
 * of some 2^16. From narrow to wide: /64, /56, /48; of an IPv4 address there is one.
 */
export function addressPrefixes(address: string): readonly string[] {
  if (isIP(address) !== 6) return [address]
  const groups = expandIPv6(address)
  const isMapped = groups.slice(0, 5).every((group) => group === 0) && groups[5] === 0xffff
  if (isMapped) return [toIPv4(groups[6]!, groups[7]!)]
  const [a = 0, b = 0, c = 0, d = 0] = groups
  const wide = [a, b, c].map(toHex).join(':')
  return [`${wide}:${toHex(d)}::/64`, `${wide}:${toHex(d & 0xff00)}::/56`, `${wide}::/48`]
}

/** The widest of {@link addressPrefixes}: whoever may have many networks counts as one. */
export function widestPrefix(address: string): string {
  return addressPrefixes(address).at(-1)!
}

function toHex(group: number): string {
  return group.toString(16)
}

function toIPv4(high: number, low: number): string {
  return [high >> 8, high & 0xff, low >> 8, low & 0xff].join('.')
}

/** The eight numbers of a valid IPv6 address, whichever way it is written. */
function expandIPv6(address: string): number[] {
  const [head = '', tail] = address.replace(/%.*$/, '').split('::')
  const before = readGroups(head)
  if (tail === undefined) return before
  const after = readGroups(tail)
  return [...before, ...Array.from({ length: 8 - before.length - after.length }, () => 0), ...after]
}

function readGroups(text: string): number[] {
  if (text === '') return []
  return text.split(':').flatMap((group) => {
    if (!group.includes('.')) return Number.parseInt(group, 16)
    const [a = 0, b = 0, c = 0, d = 0] = group.split('.').map(Number)
    return [(a << 8) | b, (c << 8) | d]
  })
}
