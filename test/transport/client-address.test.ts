import test from 'ava'
import type { ExecutionContext } from 'ava'
import { clientAddressBehind } from '../../src/transport/client-address.ts'
import { proxyHeader } from '../helpers/proxy-header.ts'
import { startGateway } from '../helpers/raw-gateway.ts'
import { RawConnection } from '../helpers/raw-http.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const UPGRADE = [
  'GET /v1/ws HTTP/1.1',
  'Host: localhost',
  'Upgrade: websocket',
  'Connection: Upgrade',
  'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
  'Sec-WebSocket-Version: 13',
  'Sec-WebSocket-Protocol: parley.v1.json',
  '\r\n',
].join('\r\n')

/** The address that a gateway sees of a client that writes this before its request. */
async function seenAddress(t: ExecutionContext, trustedProxies: readonly string[], header: Buffer): Promise<string> {
  const { url, heard } = await startGateway(t, { clientAddress: clientAddressBehind(trustedProxies) })
  const connection = await RawConnection.open(url)
  t.teardown(() => connection.end())
  connection.send(header.toString('latin1') + UPGRADE)
  await waitUntil('it is connected', () => heard.length === 1)
  return heard[0]!.connection.address
}

test('a PROXY header of a trusted address or network names the client', async (t) => {
  for (const trusted of ['127.0.0.1', '127.0.0.0/8', '0.0.0.0/0']) {
    t.is(await seenAddress(t, [trusted], proxyHeader('203.0.113.7')), '203.0.113.7', trusted)
  }
})

test('a PROXY header may name a client with an IPv6 address', async (t) => {
  const address = await seenAddress(t, ['127.0.0.1'], proxyHeader('2001:db8::7'))
  t.is(address, '2001:0db8:0000:0000:0000:0000:0000:0007')
})

test('a PROXY header of anybody else is ignored', async (t) => {
  for (const trusted of [[], ['127.0.0.2'], ['10.0.0.0/8', '::1']]) {
    t.is(await seenAddress(t, trusted, proxyHeader('203.0.113.7')), '127.0.0.1', trusted.join())
  }
})

test('without a PROXY header a trusted address stands for itself', async (t) => {
  t.is(await seenAddress(t, ['127.0.0.1'], Buffer.alloc(0)), '127.0.0.1')
})
