import { randomUUID } from 'node:crypto'
import { Kind } from '../../../proto/frames.ts'
import type { SendFrame } from '../../../proto/frames.ts'
import { message, receipt } from '../../helpers/device.ts'
import { attacker } from '../attacker.ts'
import type { AttackSession } from '../attack-session.ts'
import { flood, forever } from '../means.ts'
import type { Target } from '../target.ts'

const LARGE = new Uint8Array(65_536)
/** What one sender, and all strangers together, may leave in a mailbox before it is theirs more than its owner's. */
const MOST_OF_ONE_BYTES = 128 * 1_048_576
const MOST_OF_STRANGERS_BYTES = 256 * 1_048_576
/** What each node may add beyond a limit before it has measured: four steps, see docs/limits.md. */
const UNMEASURED_BYTES = 16 * 1_048_576
const batch = (count: number, make: (index: number) => SendFrame): SendFrame[] =>
  Array.from({ length: count }, (_, i) => make(i))

export const sendsToNobody = attacker({
  name: 'sends-to-nobody',
  about: 'Batches of 2,000 messages to as many numbers that nobody has',
  refusedBy: ['error UNKNOWN_USER', 'error RATE_LIMITED'],
  run: (target, signal) => {
    let next = 15_100_000_000
    return flood(target, signal, (session) =>
      [...Array(4).keys()].map(() => session.pack(batch(2_000, () => message({ user: next++ }, 'x')))),
    )
  },
})

export const receiptFlood = attacker({
  name: 'receipt-flood',
  about: 'READ receipts about 1,000 messages each, for a victim that is offline',
  accounts: 2,
  run: (target, signal) => {
    const about = (): string[] => Array.from({ length: 1_000 }, () => randomUUID())
    return persist(target, signal, 1, 10, () => receipt(target.accounts[1]!, Kind.READ, about()))
  },
})

export const singleReceipts = attacker({
  name: 'single-receipts',
  about: 'READ receipts about one message each, for a victim with 8 devices, all offline: a row for each of them',
  accounts: 2,
  devices: 8,
  run: (target, signal) =>
    persist(target, signal, 1, 200, () => receipt(target.accounts[1]!, Kind.READ, [randomUUID()])),
})

export const tinyMessages = attacker({
  name: 'tiny-messages',
  about: 'Messages of one byte to a victim with 8 devices, all offline: a row for each of them',
  accounts: 2,
  devices: 8,
  run: (target, signal) => {
    const copies = Array.from({ length: 8 }, (_, i) => ({
      device: i + 1,
      registrationId: 0,
      payload: LARGE.subarray(0, 1),
    }))
    return persist(target, signal, 1, 100, () => message(target.accounts[1]!, 'x', { first: true, copies }))
  },
})

export const largeToOne = attacker({
  name: 'large-to-one',
  about: 'Messages of 64 KiB to one victim that is offline, as many as the limit of sends lets through',
  accounts: 2,
  run: async (target, signal) => {
    await persist(target, signal, 1, 10, () => message(target.accounts[1]!, LARGE, { first: true }))
    const bytes = (target.tally.counts.answers['accepted'] ?? 0) * LARGE.length
    if (bytes > MOST_OF_ONE_BYTES) target.tally.broke(`${bytes >> 20} MiB of one sender lie in one mailbox`)
  },
})

export const largeToMany = attacker({
  name: 'large-to-many',
  about: 'Messages of 64 KiB to 200 victims that are offline, in turn',
  accounts: 201,
  run: (target, signal) => {
    let next = 0
    return persist(target, signal, 1, 10, () => message(target.accounts[1 + (next++ % 200)]!, LARGE, { first: true }))
  },
})

export const strangersToOne = attacker({
  name: 'strangers-to-one',
  about: '50 strangers send messages of 16 KiB to one victim that is offline',
  accounts: 51,
  run: async (target, signal) => {
    const payload = LARGE.subarray(0, 16_384)
    await persist(target, signal, 50, 10, () => message(target.accounts[50]!, payload, { first: true }))
    const bytes = (target.tally.counts.answers['accepted'] ?? 0) * payload.length
    const most = MOST_OF_STRANGERS_BYTES + target.mark.nodeUrls.length * UNMEASURED_BYTES
    if (bytes > most) target.tally.broke(`${bytes >> 20} MiB of strangers lie in one mailbox`)
  },
})

export const manyCopies = attacker({
  name: 'many-copies',
  about: 'Sends with 256 copies for devices that do not exist',
  accounts: 2,
  refusedBy: ['error DEVICES_CHANGED', 'error RATE_LIMITED'],
  run: (target, signal) => {
    const copies = Array.from({ length: 256 }, (_, i) => ({
      device: i + 1,
      registrationId: 0,
      payload: new Uint8Array(10),
    }))
    return flood(target, signal, (session) =>
      session.pack(batch(100, () => message(target.accounts[1]!, 'x', { copies }))),
    )
  },
})

export const unreadAnswers = attacker({
  name: 'unread-answers',
  about: 'Messages to itself by a client that reads nothing: neither ✓ nor what is delivered',
  accounts: 4,
  run: (target, signal) =>
    flood(
      target,
      signal,
      (session, index) => fresh(session, 40, () => target.accounts[index % 4]!, LARGE.subarray(0, 20_000)),
      {
        sockets: 4,
        opening: async ({ wire }) => wire.pause(),
      },
    ),
})

/** Eight batches, so that a message comes again only after many others. */
function fresh(session: AttackSession, count: number, to: () => { user: number }, payload: Uint8Array): Buffer[] {
  return Array.from({ length: 8 }, () => session.pack(batch(count, () => message(to(), payload, { first: true }))))
}

/** So many senders write as fast as they are answered, and are not put off by refusals. */
function persist(
  target: Target,
  signal: AbortSignal,
  senders: number,
  atOnce: number,
  make: () => SendFrame,
): Promise<void> {
  return forever(signal, senders, async (index) => {
    const session = await target.session(target.accounts[index]!)
    if (session === undefined) return false
    while (!signal.aborted && !session.closed) {
      await session.converse(batch(atOnce, make), 2 * atOnce, signal)
    }
    session.close()
    return false
  })
}
