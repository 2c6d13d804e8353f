import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { ErrorCode, NatsError } from 'nats'
import type { Bus, BusHandler } from '../../src/transport/bus.ts'
import { text } from '../helpers/device.ts'
import { startNatsServer } from '../helpers/nats-server.ts'
import { writeCertificate } from '../helpers/certificate.ts'
import { openNatsBus } from '../helpers/nats-bus.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { testBusContract } from './bus-contract.ts'

const natsTest = testWithTools(test, 'nats-server').serial

testBusContract(natsTest, {
  connect: async (t, nodes, { requestTimeoutMs }) => {
    const server = await startNatsServer(t)
    const all = await Promise.all(Array.from({ length: nodes }, () => openNatsBus(t, server.url, { requestTimeoutMs })))
    return all.map(({ bus }) => bus)
  },
})

class Echo implements BusHandler {
  readonly heard: string[] = []

  onBusMessage(data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined): void {
    this.heard.push(new TextDecoder().decode(data))
    reply?.(data.slice())
  }
}

/** Resolves with how a request ends. */
function ask(bus: Bus, subject: string, question = '?'): Promise<string> {
  return new Promise((resolve) => {
    bus.request(subject, () => text(question), {
      onReply: (data) => {
        resolve(new TextDecoder().decode(data))
        return true
      },
      onNoResponders: () => resolve('no responders'),
      onTimeout: () => resolve('timeout'),
    })
  })
}

natsTest('a bus whose server is not there yet works as soon as it is', async (t) => {
  const server = await startNatsServer(t)
  await server.stop()
  const { bus, record } = await openNatsBus(t, server.url)
  t.false(bus.connected)
  t.true(record.faults.length > 0)
  const echo = new Echo()
  bus.subscribe('parley.echo', echo)
  await bus.flush()
  t.false(bus.publish('parley.echo', text('lost')))
  t.is(await ask(bus, 'parley.echo'), 'no responders')
  let returned = 0
  bus.onReconnect(() => void returned++)
  await server.start()
  await waitUntil('the bus is there', () => returned === 1)
  t.is(await ask(bus, 'parley.echo', 'hello'), 'hello')
  t.deepEqual(echo.heard, ['hello'])
  t.deepEqual(record.results, ['notConnected', 'ok'])
})

natsTest('a server that is killed ends what was asked at once, and its subscriptions return with it', async (t) => {
  const server = await startNatsServer(t)
  const [one, two] = [await openNatsBus(t, server.url), await openNatsBus(t, server.url)]
  const silent: BusHandler = { onBusMessage: () => undefined }
  const echo = new Echo()
  two.bus.subscribe('parley.silent', silent)
  two.bus.subscribe('parley.echo', echo)
  await two.bus.flush()
  const open = ask(one.bus, 'parley.silent')
  await one.bus.flush()
  await server.stop()
  t.is(await open, 'no responders')
  t.false(one.bus.connected)
  const inForce = Promise.all([one, two].map(({ bus }) => new Promise<void>((resolve) => bus.onReconnect(resolve))))
  await server.start()
  await inForce
  t.is(await ask(one.bus, 'parley.echo', 'again'), 'again')
  t.is(one.record.lost.length, 1)
})

natsTest('a server that is frozen counts as lost before TCP says so, and a flush does not wait for it', async (t) => {
  const server = await startNatsServer(t)
  const { bus, record } = await openNatsBus(t, server.url)
  const echo = new Echo()
  bus.subscribe('parley.echo', echo)
  await bus.flush()
  await server.freeze()
  t.teardown(() => server.thaw())
  const open = ask(bus, 'parley.echo', 'late')
  await bus.flush()
  t.is(await open, 'no responders')
  t.false(bus.connected)
  t.deepEqual(record.lost, ['the server does not answer'])
  const returned = new Promise<void>((resolve) => bus.onReconnect(resolve))
  server.thaw()
  await returned
  t.is(await ask(bus, 'parley.echo', 'now'), 'now')
})

natsTest('what a frozen server does not take is bounded', async (t) => {
  const server = await startNatsServer(t)
  const { bus } = await openNatsBus(t, server.url, { maxUnconfirmedBytes: 1_000_000, probeTimeoutMs: 60_000 })
  await server.freeze()
  t.teardown(() => server.thaw())
  const kilobyte = new Uint8Array(1_000)
  let taken = 0
  while (taken < 2_000 && bus.publish('parley.much', kilobyte)) taken++
  t.true(taken > 900 && taken < 1_000, `${taken} were taken`)
  t.false(bus.connected)
  server.thaw()
  await waitUntil('it takes more', () => bus.connected)
  t.true(bus.publish('parley.much', kilobyte))
})

natsTest('requests of one tick for subjects of one known node go in one message', async (t) => {
  const server = await startNatsServer(t)
  const [one, two] = [await openNatsBus(t, server.url), await openNatsBus(t, server.url)]
  const subjects = Array.from({ length: 50 }, (_, i) => `parley.mailbox.${i + 1}.1`)
  for (const subject of subjects) two.bus.subscribe(subject, new Echo())
  await two.bus.flush()
  t.deepEqual(await Promise.all(subjects.map((subject) => ask(one.bus, subject, subject))), subjects)
  const before = one.bus.connection!.stats().outMsgs
  const repliesBefore = two.bus.connection!.stats().outMsgs
  t.deepEqual(await Promise.all(subjects.map((subject) => ask(one.bus, subject, subject))), subjects)
  t.is(one.bus.connection!.stats().outMsgs - before, 1)
  t.is(two.bus.connection!.stats().outMsgs - repliesBefore, 1)
})

natsTest('what went to a node that has died is asked of whoever is there', async (t) => {
  const server = await startNatsServer(t)
  const [one, two, three] = [
    await openNatsBus(t, server.url),
    await openNatsBus(t, server.url),
    await openNatsBus(t, server.url),
  ]
  two.bus.subscribe('parley.a', new Echo())
  await two.bus.flush()
  t.is(await ask(one.bus, 'parley.a', 'first'), 'first')
  three.bus.subscribe('parley.a', new Echo())
  await three.bus.flush()
  await two.bus.connection!.close()
  await waitUntil('NATS knows that it is gone', async () => {
    const asked = one.bus.connection!.request(`parley.node.${two.node}.in`, undefined, { timeout: 1_000 })
    return asked.then(
      () => false,
      (error: unknown) => error instanceof NatsError && error.code === ErrorCode.NoResponders,
    )
  })
  t.is(await ask(one.bus, 'parley.a', 'second'), 'second')
})

natsTest('garbage from another node is a fault, and the next message is heard', async (t) => {
  const server = await startNatsServer(t)
  const [one, two] = [await openNatsBus(t, server.url), await openNatsBus(t, server.url)]
  const faulty: BusHandler = {
    onBusMessage: (data) => {
      if (data.length === 0) throw new Error('a defect of the handler')
    },
  }
  const echo = new Echo()
  two.bus.subscribe('parley.a', faulty)
  two.bus.subscribe('parley.a', echo)
  await two.bus.flush()
  one.bus.publish(`parley.node.${two.node}.in`, text('no protobuf'))
  one.bus.publish('parley.a', new Uint8Array(0))
  one.bus.publish('parley.a', text('heard'))
  await waitUntil('it is heard', () => echo.heard.includes('heard'))
  t.is(two.record.faults.length, 2)
})

natsTest('a message larger than the server takes is answered as by nobody, and the connection stays', async (t) => {
  const server = await startNatsServer(t, { config: 'max_payload: 10000' })
  const [one, two] = [await openNatsBus(t, server.url), await openNatsBus(t, server.url)]
  two.bus.subscribe('parley.a', new Echo())
  await two.bus.flush()
  const large = 'x'.repeat(20_000)
  t.is(await ask(one.bus, 'parley.a', large), 'no responders')
  t.is(await ask(one.bus, 'parley.a', 'small'), 'small')
  t.is(await ask(one.bus, 'parley.a', large), 'no responders')
  t.true(one.bus.connected)
})

natsTest('user and password of the URL are used, and a wrong password is a fault until it is right', async (t) => {
  const server = await startNatsServer(t, { config: 'authorization { user: node, password: "s&cret" }' })
  const good = await openNatsBus(t, server.url.replace('//', '//node:s%26cret@'))
  t.true(good.bus.connected)
  const bad = await openNatsBus(t, server.url.replace('//', '//node:wrong@'))
  t.false(bad.bus.connected)
  t.regex(String(bad.record.faults[0]), /authorization/i)
})

testWithTools(test, 'nats-server', 'openssl').serial(
  'a server with TLS is believed by the certificates of the operator, and by no others',
  async (t) => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-tls-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const [key, cert] = [join(folder, 'key.pem'), join(folder, 'cert.pem')]
    await writeCertificate({ key, certificate: cert })
    const server = await startNatsServer(t, { config: `tls { cert_file: "${cert}", key_file: "${key}" }` })
    const url = `tls://localhost:${server.port}`
    const good = await openNatsBus(t, url, { caFile: cert })
    t.deepEqual(good.record.faults, [])
    good.bus.subscribe('parley.echo', new Echo())
    await good.bus.flush()
    t.is(await ask(good.bus, 'parley.echo', 'sealed'), 'sealed')
    const bad = await openNatsBus(t, url)
    t.false(bad.bus.connected)
    t.regex(String(bad.record.faults[0]), /certificate/i)
  },
)
