import test from 'ava'
import type { ExecutionContext } from 'ava'
import { OPEN_TIMEOUT_MS } from '../../client/connection.ts'
import type { ConnectionState } from '../../client/connection.ts'
import type { OutgoingMessage } from '../../client/message.ts'
import { parseConfig } from '../../config/config.ts'
import { seededRandom } from '../../tools/replay/random.ts'
import { enrol, online, openPerson, texts } from '../client/helpers/person.ts'
import type { Person } from '../client/helpers/person.ts'
import { QuickClock } from '../client/helpers/quick-clock.ts'
import { startNode } from '../helpers/node.ts'
import { FileScope } from '../helpers/raw-scope.ts'
import type { TestServer } from '../helpers/server.ts'
import { SLOW_LINE, SlowLine } from '../helpers/slow-line.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** Time passes so much faster for nodes and clients, and lines are so much better. */
const TIMES = 10
const { gateway } = parseConfig({})
const QUICK_GATEWAY = {
  connectTimeoutMs: gateway.connectTimeoutMs / TIMES,
  pingIntervalMs: gateway.pingIntervalMs / TIMES,
  pongTimeoutMs: gateway.pongTimeoutMs / TIMES,
}
const CLIENTS = 8
const MESSAGES = 15
const LONG = 'A long one. '.repeat(4_000)
const REST_MS = 90_000

const scope = new FileScope()
let server: TestServer

test.before(async () => {
  server = await startNode(scope, { config: { gateway: QUICK_GATEWAY } })
})
test.after.always(() => scope.end())

test('the SDK gives a connection up before the server does', (t) => {
  t.true(OPEN_TIMEOUT_MS < gateway.connectTimeoutMs)
})

test.serial('clients whose connection takes 12.5 s are connected, every one', async (t) => {
  const accounts = await Promise.all(Array.from({ length: CLIENTS }, () => enrol(server)))
  const links = await Promise.all(accounts.map(() => openLink(t)))
  // The server's part of the handshake is held back.
  for (const link of links) link.stall()
  const states: ConnectionState[] = []
  const people = await Promise.all(
    accounts.map(async (account, i) => {
      const person = await openPerson(t, account, optionsFor(links[i]!))
      person.client.on('connection', (state) => states.push(state))
      return person
    }),
  )
  await waitUntil('every connection is under way', () => links.every(({ size }) => size > 0))
  const clock = new QuickClock(TIMES)
  const until = clock.now() + 12_500
  await waitUntil('12.5 s have passed', () => clock.now() >= until)
  for (const link of links) link.flow()
  await Promise.all(people.map((person) => online(person)))
  t.deepEqual(
    states.filter(({ phase }) => phase === 'stopped'),
    [],
  )
})

test.serial('at the end of a slow and lossy line nothing is lost or doubled, and little is sent twice', async (t) => {
  const neededBytes = await exchange(t, undefined)
  const line = { ...SLOW_LINE, delayMs: SLOW_LINE.delayMs / TIMES, bytesPerSecond: SLOW_LINE.bytesPerSecond * TIMES }
  const sentBytes = await exchange(t, new SlowLine(line, seededRandom(20)))
  t.log(`${sentBytes} bytes where ${neededBytes} are needed`)
  t.true(sentBytes <= 2 * neededBytes, `${sentBytes} bytes where ${neededBytes} are needed`)
})

/** Two people write to each other, short texts and a long one each. @returns what passed over the line of one of them */
async function exchange(t: ExecutionContext, line: SlowLine | undefined): Promise<number> {
  const [near, far] = [await openLink(t), await openLink(t)]
  const amina = await openPerson(t, await enrol(server), optionsFor(near))
  const bruno = await openPerson(t, await enrol(server), optionsFor(far))
  await Promise.all([online(amina), online(bruno)])
  near.slow(line)
  // As a phone that comes from a good network to a bad one.
  if (line !== undefined) near.cut()
  const before = near.carriedBytes
  const written = Array.from({ length: MESSAGES }, (_, i) => (i % 6 === 3 ? LONG : `message ${i}`))
  const sent: readonly [Person, Person, OutgoingMessage[]][] = [
    [amina, bruno, written.map((text) => amina.client.sendText(bruno.user, text))],
    [bruno, amina, written.map((text) => bruno.client.sendText(amina.user, text))],
  ]
  for (const [from, to, messages] of sent) {
    await waitUntil('all are shown', () => to.shown.length >= messages.length, REST_MS)
    await waitUntil('all have ✓✓', () => messages.every(({ id }) => isDelivered(from, id)), REST_MS)
  }
  const bytes = near.carriedBytes - before
  for (const { shown, errors } of [amina, bruno]) {
    t.deepEqual(texts(shown), written)
    t.deepEqual(errors, [])
  }
  return bytes
}

async function openLink(t: ExecutionContext): Promise<TcpProxy> {
  const link = await TcpProxy.open({ host: '127.0.0.1', port: Number(new URL(server.url).port) })
  t.teardown(() => link.close())
  return link
}

function optionsFor(link: TcpProxy): { url: string; clock: QuickClock } {
  return { url: `http://127.0.0.1:${link.port}`, clock: new QuickClock(TIMES) }
}

function isDelivered({ receipts }: Person, id: string): boolean {
  return receipts.some((message) => message.id === id && message.status === 'delivered')
}
