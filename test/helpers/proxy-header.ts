import { isIPv4 } from 'node:net'

const SIGNATURE = '\r\n\r\n\0\r\nQUIT\n'
const PROXY_COMMAND = 0x21
const TCP_OVER_IPV4 = 0x11
const TCP_OVER_IPV6 = 0x21

/** A PROXY protocol header, version 2, as a load balancer writes it before what a client at this address sends. */
export function proxyHeader(address: string): Buffer {
  const isV4 = isIPv4(address)
  const source = isV4 ? Buffer.from(address.split('.').map(Number)) : expandIPv6(address)
  const ends = Buffer.concat([source, Buffer.alloc(source.length), Buffer.from([0xc3, 0x50, 0x0b, 0xb8])])
  const header = Buffer.from([PROXY_COMMAND, isV4 ? TCP_OVER_IPV4 : TCP_OVER_IPV6, 0, ends.length])
  return Buffer.concat([Buffer.from(SIGNATURE, 'latin1'), header, ends])
}

function expandIPv6(address: string): Buffer {
  const [head = '', tail = ''] = address.split('::')
  const groups = (part: string): string[] => (part === '' ? [] : part.split(':'))
  const zeros = Array.from({ length: 8 - groups(head).length - groups(tail).length }, () => '0')
  const all = [...groups(head), ...zeros, ...groups(tail)]
  return Buffer.from(all.map((group) => group.padStart(4, '0')).join(''), 'hex')
}
