import { randomUUID } from 'node:crypto'
import type { Config } from '../../config/config.ts'
import { Kind } from '../../proto/frames.ts'
import type { ErrorFrame, SendFrame } from '../../proto/frames.ts'
import type { Teardown } from '../helpers/database.ts'
import { Device, message, receipt } from '../helpers/device.ts'
import { startNode } from '../helpers/node.ts'
import { createAccount, withClient } from '../helpers/raw-accounts.ts'
import type { RawDevice } from '../helpers/raw-accounts.ts'
import { startCore } from '../helpers/raw-core.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { limited } from './limited.ts'
import type { Probe, Probes } from './probe.ts'

const KIB = 1_024
/** More than any of these limits lets through. */
const MANY = 40

interface Setting {
  readonly room: Partial<Config['room']>
  /** How many send, one after the other. */
  readonly senders?: number
  /** The recipient has named contacts, and these are not among them. */
  readonly strangers?: boolean
  /** What they send. */
  readonly make?: (to: RawDevice) => SendFrame
}

const small = (to: RawDevice): SendFrame => message(to, 'hello', { first: true })
const large = (to: RawDevice): SendFrame => message(to, new Uint8Array(4 * KIB), { first: true })
const ABOUT = Array.from({ length: 100 }, () => randomUUID())
const read = (to: RawDevice): SendFrame => receipt(to, Kind.READ, ABOUT)

/** Sends to a device that is away until something is refused for want of room. */
function beyond({ room, senders = 1, strangers = false, make = small }: Setting): Probe {
  return async (t: Teardown) => {
    const server = await startCore(t, { config: { room: { stepEnvelopes: 2, ...room } } })
    const [to] = await createAccount(server.databaseUrl)
    if (strangers) {
      await withClient(server.databaseUrl, (client) =>
        client.query('INSERT INTO contacts (user_id, contact) VALUES ($1, 1)', [to!.user]),
      )
    }
    for (let sender = 0; sender < senders; sender++) {
      const [from] = await createAccount(server.databaseUrl)
      const device = await Device.connect(server.url, from!.token)
      for (let sent = 0; sent < MANY; sent++) {
        const code = await codeOf(device, make(to!))
        // Here the node looks at the rows before it says that there is no room.
        if (code !== undefined && code !== 'OVERLOADED') return `error ${code}`
      }
    }
    return 'nothing'
  }
}

async function codeOf(device: Device, frame: SendFrame): Promise<string | undefined> {
  device.send(frame)
  const find = (): ErrorFrame | undefined => device.all('error').find(({ id }) => id === frame.id)
  const accepted = (): boolean => device.all('accepted').some(({ id }) => id === frame.id)
  await waitUntil('a send is answered', () => accepted() || find() !== undefined)
  return find()?.code
}

export const mailboxProbes: Probes = {
  'limits.sendBytes': async (t) => {
    const server = await startNode(t, limited('sendBytes', 10 * KIB))
    const [[alice], [bob]] = [await createAccount(server.databaseUrl), await createAccount(server.databaseUrl)]
    const device = await Device.connect(server.url, alice!.token)
    device.send(large(bob!), large(bob!), large(bob!))
    return `error ${(await device.waitFor('error')).code}`
  },
  'room.maxEnvelopes': beyond({ room: { maxEnvelopes: 10 }, senders: 2 }),
  'room.maxBytes': beyond({ room: { maxBytes: 40 * KIB }, senders: 2, make: large }),
  'room.senderEnvelopes': beyond({ room: { senderEnvelopes: 5 } }),
  'room.senderBytes': beyond({ room: { senderBytes: 20 * KIB }, make: large }),
  'room.strangerEnvelopes': beyond({ room: { strangerEnvelopes: 5 }, strangers: true }),
  'room.strangerBytes': beyond({ room: { strangerBytes: 20 * KIB }, strangers: true, make: large }),
  'room.strangersEnvelopes': beyond({ room: { strangersEnvelopes: 5 }, strangers: true }),
  'room.strangersBytes': beyond({ room: { strangersBytes: 20 * KIB }, strangers: true, make: large }),
  'room.receiptBytes': beyond({ room: { receiptBytes: 20 * KIB }, make: read }),
  'room.senderReceiptBytes': beyond({ room: { senderReceiptBytes: 10 * KIB }, make: read }),
}
