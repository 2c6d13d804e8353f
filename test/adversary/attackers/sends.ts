import { randomUUID } from 'node:crypto'
import { Kind } from '../../../proto/frames.ts'
import type { SendFrame } from '../../../proto/frames.ts'
import { message, receipt } from '../../helpers/device.ts'
import { attacker } from '../attacker.ts'
import type { AttackSession } from '../attack-session.ts'
import { flood } from '../means.ts'

const LARGE = new Uint8Array(65_536)
const batch = (count: number, make: (index: number) => SendFrame): SendFrame[] =>
  Array.from({ length: count }, (_, i) => make(i))

export const sendsToNobody = attacker({
  name: 'sends-to-nobody',
  about: 'Batches of 5,000 messages to as many numbers that nobody has',
  refusedBy: ['error UNKNOWN_USER', 'error RATE_LIMITED'],
  run: (target, signal) => {
    let next = 15_100_000_000
    return flood(target, signal, (session) =>
      [...Array(4).keys()].map(() => session.pack(batch(5_000, () => message({ user: next++ }, 'x')))),
    )
  },
})

export const receiptFlood = attacker({
  name: 'receipt-flood',
  about: 'READ receipts about 1,000 messages each, for a victim that is offline',
  accounts: 2,
  refusedBy: ['error RATE_LIMITED', 'close 4004'],
  run: (target, signal) => {
    const victim = target.accounts[1]!
    return flood(
      target,
      signal,
      (session) =>
        [...Array(8).keys()].map(() =>
          session.pack(
            batch(20, () =>
              receipt(
                victim,
                Kind.READ,
                Array.from({ length: 1_000 }, () => randomUUID()),
              ),
            ),
          ),
        ),
      { sockets: 1 },
    )
  },
})

export const largeToOne = attacker({
  name: 'large-to-one',
  about: 'Messages of 64 KiB to one victim that is offline, within the limit of sends',
  accounts: 2,
  refusedBy: ['error MAILBOX_FULL', 'error RATE_LIMITED'],
  run: (target, signal) => flood(target, signal, (session) => fresh(session, 15, () => target.accounts[1]!, LARGE)),
})

export const largeToMany = attacker({
  name: 'large-to-many',
  about: 'Messages of 64 KiB to 200 victims that are offline, in turn',
  accounts: 201,
  refusedBy: ['error MAILBOX_FULL', 'error RATE_LIMITED'],
  run: (target, signal) => {
    let next = 0
    const victim = () => target.accounts[1 + (next++ % 200)]!
    return flood(target, signal, (session) => fresh(session, 15, victim, LARGE))
  },
})

export const strangersToOne = attacker({
  name: 'strangers-to-one',
  about: '50 strangers send messages of 16 KiB to one victim that is offline',
  accounts: 51,
  refusedBy: ['error MAILBOX_FULL', 'error RATE_LIMITED'],
  run: (target, signal) =>
    flood(target, signal, (session) => fresh(session, 15, () => target.accounts[50]!, LARGE.subarray(0, 16_384)), {
      sockets: 50,
    }),
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
