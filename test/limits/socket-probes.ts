import { encodeClientFrames } from '../../proto/codec.ts'
import { Kind } from '../../proto/frames.ts'
import type { ClientFrame } from '../../proto/frames.ts'
import type { Teardown } from '../helpers/database.ts'
import { connectFrame, Device, message, receipt } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import type { ConfigPatch } from '../helpers/raw-config.ts'
import { Opcode, RawSocket } from '../helpers/raw-socket.ts'
import type { TestServer } from '../helpers/server.ts'
import { UNKNOWN_FRAMES } from '../helpers/unknown-frames.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { limited } from './limited.ts'
import type { Probe, Probes } from './probe.ts'

type ServerOptions = NonNullable<Parameters<typeof startNode>[1]>

const ping = { type: 'ping' } as const
const pings = (count: number): ClientFrame[] => Array.from({ length: count }, () => ping)
const signal = (to: RawDevice): ClientFrame => ({
  type: 'signal',
  to: { user: to.user, device: 1 },
  payload: new Uint8Array(1),
})

interface Scene {
  readonly server: TestServer
  readonly alice: RawDevice
  readonly bob: RawDevice
}

async function setScene(t: Teardown, options: ServerOptions): Promise<Scene> {
  const server = await startNode(t, options)
  const [[alice], [bob]] = [await createAccount(server.databaseUrl), await createAccount(server.databaseUrl)]
  return { server, alice: alice!, bob: bob! }
}

/** Says what the server answers when a device has sent frames. */
function answers(options: ServerOptions, frames: (scene: Scene) => ClientFrame[]): Probe {
  return async (t) => {
    const scene = await setScene(t, options)
    const device = await Device.connect(scene.server.url, scene.alice.token)
    device.send(...frames(scene))
    return `error ${(await device.waitFor('error')).code}`
  }
}

/** Says how a connection ends that sends frames together with its `connect`. */
function early(gateway: ConfigPatch['gateway'], frames: (scene: Scene) => ClientFrame[]): Probe {
  return async (t) => {
    const scene = await setScene(t, { config: { gateway: gateway! } })
    const device = await Device.open(scene.server.url)
    device.send(connectFrame(scene.alice.token), ...frames(scene))
    return `close ${await device.closing()}`
  }
}

/** Says how a connection ends on which more comes in a tick than it has turns. */
function hasty(gateway: ConfigPatch['gateway']): Probe {
  return async (t) => {
    const { server, alice } = await setScene(t, { config: { gateway: gateway! } })
    const device = await Device.connect(server.url, alice.token)
    const batch = encodeClientFrames(pings(4_096)).slice()
    await waitUntil('the node has enough', () => {
      for (let i = 0; i < 50 && device.closed === undefined; i++) device.sendRaw(batch)
      return device.closed !== undefined
    })
    return `close ${device.closed?.code}`
  }
}

/** Says how a connection ends whose client reads nothing. */
function deaf(gateway: ConfigPatch['gateway']): Probe {
  return async (t) => {
    const { server, alice } = await setScene(t, { config: { gateway: gateway! } })
    const socket = await RawSocket.open(server.url, 'parley.v1.proto')
    socket.send(Opcode.binary, encodeClientFrames([connectFrame(alice.token)]))
    await socket.first(Opcode.binary)
    socket.pause()
    let metrics = ''
    await waitUntil('the node has enough', async () => {
      socket.send(Opcode.binary, UNKNOWN_FRAMES)
      metrics = await (await fetch(`${server.url}/metrics`)).text()
      return /^parley_closes_total/m.test(metrics)
    })
    socket.destroy()
    return `close ${/^parley_closes_total\{code="(\d+)"\} 1$/m.exec(metrics)?.[1]}`
  }
}

/** Says how many of three messages a device gets that acknowledges nothing. */
function windowed(mailbox: ConfigPatch['mailbox']): Probe {
  return async (t) => {
    const { server, alice, bob } = await setScene(t, { config: { mailbox: mailbox! } })
    const sender = await Device.connect(server.url, alice.token)
    for (const body of ['1', '2', '3']) await sender.say(bob, body)
    const device = await Device.connect(server.url, bob.token)
    await device.delivery('1')
    await device.settled()
    const first = device.bodies.length
    device.acks = true
    device.ack()
    await device.delivery('3')
    return first < 3 ? 'waits as rows' : 'is delivered'
  }
}

/** Says what the sender hears of a mailbox whose inbox is full. */
function posted(mailbox: ConfigPatch['mailbox']): Probe {
  return async (t) => {
    const { server, alice, bob } = await setScene(t, { config: { mailbox: mailbox! } })
    await Device.connect(server.url, bob.token)
    const device = await Device.connect(server.url, alice.token)
    device.send(message(bob, 'x'))
    return `error ${(await device.waitFor('error')).code}`
  }
}

/** A bucket in whose debt a device may be: refused for now first, then closed. */
function owed(name: 'frames' | 'bytesIn', burst: number, frames: ClientFrame[]): Probe {
  return async (t) => {
    const { server, alice, bob } = await setScene(t, limited(name, burst))
    const device = await Device.connect(server.url, alice.token)
    device.send(...frames)
    device.send(message(bob, 'x'))
    const { code } = await device.waitFor('error')
    device.send(...frames)
    return `error ${code}, at twice that close ${await device.closing()}`
  }
}

export const socketProbes: Probes = {
  'gateway.maxMessageBytes': async (t) => {
    const server = await startNode(t, { config: { gateway: { maxMessageBytes: 1_024 } } })
    const device = await Device.open(server.url)
    device.sendRaw(new Uint8Array(1_025))
    return `close ${await device.closing()}`
  },
  'gateway.earlyFrames': early({ earlyFrames: 2 }, () => pings(3)),
  'gateway.earlyBytes': early({ earlyBytes: 100 }, () => pings(100)),
  'gateway.earlyBytesInAll': early({ earlyBytesInAll: 100 }, () => pings(100)),
  'gateway.waitingBytes': hasty({ waitingBytes: 20_000 }),
  'gateway.waitingBytesInAll': hasty({ waitingBytesInAll: 20_000 }),
  'gateway.maxBackpressureBytes': deaf({ maxBackpressureBytes: 65_536 }),
  'gateway.bufferedBytesInAll': deaf({ bufferedBytesInAll: 65_536 }),
  'limits.connect': async (t) => {
    const { server, alice } = await setScene(t, limited('connect', 1))
    await Device.connect(server.url, alice.token)
    const device = await Device.open(server.url)
    device.send(connectFrame(alice.token))
    const { code } = await device.waitFor('error')
    return `error ${code} and close ${await device.closing()}`
  },
  'limits.frames': owed('frames', 10, pings(10)),
  'limits.bytesIn': owed('bytesIn', 1_000, pings(250)),
  'limits.bytesInPerAddress': async (t) => {
    const bytesIn = { burst: 2_000, perSecond: 1 }
    const { server, alice } = await setScene(t, limited('bytesInPerAddress', 600, { bytesIn }))
    const device = await Device.connect(server.url, alice.token)
    device.send(...pings(250))
    return `close ${await device.closing()}`
  },
  'limits.send': answers(limited('send', 2), ({ bob }) => ['1', '2', '3'].map((body) => message(bob, body))),
  'limits.receiptBytes': answers(limited('receiptBytes', 1_000), ({ bob, alice }) => [
    receipt(
      bob,
      Kind.READ,
      Array.from({ length: 30 }, () => message(alice, '').id),
    ),
  ]),
  'limits.signal': answers(limited('signal', 2), ({ bob }) => Array.from({ length: 3 }, () => signal(bob))),
  'limits.watch': answers(limited('watch', 2), ({ bob }) => [
    { type: 'watch', users: [bob.user] },
    { type: 'unwatch', users: [bob.user, bob.user] },
  ]),
  'sender.unansweredSends': answers({ config: { sender: { unansweredSends: 2 } } }, ({ bob }) =>
    ['1', '2', '3'].map((body) => message(bob, body)),
  ),
  'sender.unansweredBytes': answers({ config: { sender: { unansweredBytes: 1_000 } } }, ({ bob }) => [
    message(bob, new Uint8Array(1_001)),
  ]),
  'sender.conversations': async (t) => {
    const { server, alice, bob } = await setScene(t, { config: { sender: { conversations: 1 } } })
    const [carol] = await createAccount(server.databaseUrl)
    const device = await Device.connect(server.url, alice.token)
    // It is remembered that something was refused, and forgotten where.
    device.send(message(bob, 'x', { id: 'no UUID' }))
    const frame = message(carol!, 'x')
    device.send(frame)
    return `error ${(await device.refused(frame.id)).code}`
  },
  'mailbox.windowEnvelopes': windowed({ windowEnvelopes: 2 }),
  'mailbox.windowBytes': windowed({ windowBytes: 2 }),
  'mailbox.inboxItems': posted({ inboxItems: 0 }),
  'mailbox.inboxBytes': posted({ inboxBytes: 0 }),
  'presence.watchedUsers': answers({ config: { presence: { watchedUsers: 1 } } }, ({ alice, bob }) => [
    { type: 'watch', users: [alice.user, bob.user] },
  ]),
  'presence.maxWatches': answers({ config: { presence: { maxWatches: 1 } } }, ({ alice, bob }) => [
    { type: 'watch', users: [alice.user, bob.user] },
  ]),
}
