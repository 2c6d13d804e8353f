import { once } from 'node:events'
import { connect } from 'node:net'
import { text } from 'node:stream/consumers'
import { proxyHeader } from './proxy-header.ts'

/** The setting of a node that believes {@link callFrom}. */
export const BEHIND_PROXY = { TRUSTED_PROXIES: '127.0.0.1' }

/** Posts JSON as a client at this network address would, through a load balancer. */
export async function callFrom(
  address: string,
  url: string,
  body: object,
  token?: string,
): Promise<{ readonly status: number; readonly body: Record<string, unknown> }> {
  const { hostname, port, pathname, host } = new URL(url)
  const socket = connect(Number(port), hostname)
  await once(socket, 'connect')
  const content = JSON.stringify(body)
  const head = [
    `POST ${pathname} HTTP/1.1`,
    `host: ${host}`,
    'content-type: application/json',
    `content-length: ${Buffer.byteLength(content)}`,
    ...(token === undefined ? [] : [`authorization: Bearer ${token}`]),
    'connection: close',
  ]
  socket.write(Buffer.concat([proxyHeader(address), Buffer.from(`${head.join('\r\n')}\r\n\r\n${content}`)]))
  const answer = await text(socket)
  const [, status = ''] = answer.split(' ', 2)
  const json = answer.slice(answer.indexOf('\r\n\r\n') + 4)
  return { status: Number(status), body: json === '' ? {} : (JSON.parse(json) as Record<string, unknown>) }
}
