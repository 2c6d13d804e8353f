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
async function seenAddress(
  t: ExecutionContext,
  trustedProxies: readonly string[],
  header: Buffer,
  more = '',
): Promise<string> {
  const { url, heard } = await startGateway(t, { clientAddress: clientAddressBehind(trustedProxies) })
  const connection = await RawConnection.open(url)
  t.teardown(() => connection.end())
  connection.send(header.toString('latin1') + UPGRADE.replace('Host:', `${more}Host:`))
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

const NONE = Buffer.alloc(0)
const PROXIES = ['127.0.0.1', '10.0.0.0/8', '2001:db8:1::/48']

test('X-Forwarded-For of a trusted proxy names the client: the last address that is no proxy', async (t) => {
  const cases: readonly (readonly [headers: string, address: string])[] = [
    ['203.0.113.7', '203.0.113.7'],
    ['203.0.113.7, 10.1.2.3', '203.0.113.7'],
    // Whatever the client itself has written stands first.
    ['198.51.100.1, 203.0.113.7', '203.0.113.7'],
    ['127.0.0.1, 203.0.113.7,10.1.2.3', '203.0.113.7'],
    ['nonsense, 203.0.113.7', '203.0.113.7'],
    ['203.0.113.7:4711', '203.0.113.7'],
    ['[2001:db8::7]:4711, 2001:db8:1::1', '2001:db8::7'],
    ['[2001:db8::7]', '2001:db8::7'],
    // Proxies alone: a program beside one of them.
    ['10.1.2.3', '10.1.2.3'],
    ['10.1.2.3, 10.4.5.6', '10.1.2.3'],
    // Not to be taken for what it says.
    ['203.0.113.7, unknown', '127.0.0.1'],
    ['203.0.113.7, unknown, 10.1.2.3', '10.1.2.3'],
    ['', '127.0.0.1'],
    [`${'1'.repeat(4_000)}`, '127.0.0.1'],
  ]
  for (const [value, address] of cases) {
    t.is(await seenAddress(t, PROXIES, NONE, `X-Forwarded-For: ${value}\r\n`), address, value.slice(0, 80))
  }
  const two = 'X-Forwarded-For: 198.51.100.1\r\nx-forwarded-for: 203.0.113.7\r\n'
  t.is(await seenAddress(t, PROXIES, NONE, two), '203.0.113.7')
})

test('X-Forwarded-For of anybody else is ignored, and so is one beside a PROXY header', async (t) => {
  const forwarded = 'X-Forwarded-For: 203.0.113.7\r\n'
  t.is(await seenAddress(t, [], NONE, forwarded), '127.0.0.1')
  t.is(await seenAddress(t, ['10.0.0.0/8'], NONE, forwarded), '127.0.0.1')
  t.is(await seenAddress(t, PROXIES, proxyHeader('198.51.100.9'), forwarded), '198.51.100.9')
})

test('a proxy of a private network that is not trusted is told of, once', async (t) => {
  const told: string[] = []
  const { url, heard } = await startGateway(t, { clientAddress: clientAddressBehind([], (one) => void told.push(one)) })
  for (const header of ['', 'X-Forwarded-For: 203.0.113.7\r\n', 'X-Forwarded-For: 203.0.113.8\r\n']) {
    const connection = await RawConnection.open(url)
    t.teardown(() => connection.end())
    connection.send(UPGRADE.replace('Host:', `${header}Host:`))
  }
  await waitUntil('all are connected', () => heard.length === 3)
  t.deepEqual(told, ['127.0.0.1'])
})
