import { isIP } from 'node:net'

/** Whether what is sent to this URL can be read on its way: plain http to anything but this machine. */
export function isInTheClear(url: string): boolean {
  const { protocol, hostname } = new URL(url)
  if (protocol !== 'http:') return false
  const host = hostname.replace(/^\[|\]$/g, '')
  const isLoopback =
    isIP(host) === 4 ? host.startsWith('127.') : host === '::1' || host === 'localhost' || host.endsWith('.localhost')
  return !isLoopback
}
