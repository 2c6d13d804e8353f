import { randomBytes } from 'node:crypto'
import { proxyHeader } from '../../helpers/proxy-header.ts'
import type { RawDevice } from '../../helpers/raw-accounts.ts'
import { attacker } from '../attacker.ts'
import { upgradeRequest } from '../attack-session.ts'
import { forever, until } from '../means.ts'
import type { Target } from '../target.ts'

const ODD_NUMBERS = [Number.MAX_SAFE_INTEGER - 1, Number.MAX_SAFE_INTEGER, 0, 0, 2 ** 52]
/** Together fewer connections than a device may make: else it would be refused for their sake. */
const ROUNDS = 8

export const badTokens = attacker({
  name: 'bad-tokens',
  about: '50 sockets that connect with tokens that were never given, and come back',
  refusedBy: ['close 4502', 'upgrade 429'],
  run: (target, signal) =>
    forever(signal, 50, async () => {
      const session = await target.socket()
      await session?.connect(randomBytes(48).toString('base64url'))
      session?.close()
      return session !== undefined
    }),
})

export const connectTwice = attacker({
  name: 'connect-twice',
  about: '20 sockets that say `connect` over and over on the same session',
  refusedBy: ['close 4500'],
  accounts: 20,
  run: (target, signal) =>
    forever(signal, 20, async (index) => {
      const device = target.accounts[index]!
      const session = await target.session(device)
      if (session === undefined) return false
      const again = {
        type: 'connect',
        token: device.token,
        client: 'x'.repeat(1_000),
        number: 0,
        lastMessageId: 0n,
      } as const
      await session.send(again, again, again)
      await session.wire.ended(AbortSignal.any([signal, AbortSignal.timeout(5_000)]))
      session.close()
      return true
    }),
})

export const takeOvers = attacker({
  name: 'take-overs',
  about: '20 sockets that take one and the same device from each other',
  run: (target, signal) =>
    forever(signal, 20, async () => {
      const session = await target.session(target.accounts[0]!)
      session?.close()
      return session !== undefined
    }),
})

export const silentSockets = attacker({
  name: 'silent-sockets',
  about: '3,000 WebSockets that are opened and say nothing, each replaced when it is closed',
  run: (target, signal) =>
    forever(signal, 3_000, async (index) => {
      const session = await target.socket({}, target.address(1 + (index % 50)))
      await session?.wire.ended(signal)
      return session !== undefined
    }),
})

export const upgradeStorm = attacker({
  name: 'upgrade-storm',
  about: '200 at a time upgrade and leave at once, from one address',
  run: (target, signal) =>
    forever(signal, 200, async () => {
      const session = await target.socket()
      session?.close()
      return session !== undefined
    }),
})

export const idleConnections = attacker({
  name: 'idle-connections',
  about: '3,000 TCP connections that say nothing at all, to use up the files',
  run: async (target, signal) => {
    await forever(signal, 3_000, async (index) => {
      const wire = await target.wire(target.address(1 + (index % 50)))
      await wire?.ended(signal)
      wire?.destroy()
      return wire !== undefined
    })
  },
})

export const garbage = attacker({
  name: 'garbage',
  about: '50 connections that send random bytes, a TLS hello, and half of an upgrade',
  run: (target, signal) => {
    const hello = Buffer.concat([Buffer.from('16030102000100', 'hex'), randomBytes(505)])
    const halves = Buffer.from(upgradeRequest(target.host, false).slice(0, 80))
    const kinds = [
      randomBytes(4_096),
      hello,
      halves,
      Buffer.from('GET / HTTP/9.9\r\n\r\n'),
      Buffer.from('\r\n'.repeat(2_000)),
    ]
    return forever(signal, 50, async (index) => {
      const wire = await target.wire()
      await wire?.write(kinds[index % kinds.length]!)
      await wire?.ended(AbortSignal.any([signal, AbortSignal.timeout(2_000)]))
      wire?.destroy()
      return wire !== undefined
    })
  },
})

export const forgedAddresses = attacker({
  name: 'forged-addresses',
  about: 'PROXY headers that the attacker writes itself, to seem to come from elsewhere',
  run: (target, signal) => {
    let next = 0
    return forever(signal, 20, async () => {
      const wire = await target.wire()
      await wire?.write(proxyHeader(`198.51.${(next >> 8) % 256}.${next++ % 256}`))
      await wire?.write(upgradeRequest(target.host, false))
      await wire?.ended(AbortSignal.any([signal, AbortSignal.timeout(500)]))
      wire?.destroy()
      return wire !== undefined
    })
  },
})

export const connectionNumbers = attacker({
  name: 'connection-numbers',
  about: 'Connection numbers at and near 2^53, after which the device must still be able to connect',
  accounts: 4,
  run: async (target, signal) => {
    const { accounts: devices } = target
    for (let round = 0; round < ROUNDS && !signal.aborted; round++) {
      await Promise.all(devices.map((device) => connectOddly(target, device)))
    }
    for (const device of devices) {
      const session = await target.socket()
      if ((await session?.connect(device.token, 0)) === false) {
        target.tally.broke('a device cannot connect any more')
      }
      session?.close()
    }
    await until(signal)
  },
})

/** Sessions of one device with numbers that no other can exceed. */
async function connectOddly(target: Target, device: RawDevice): Promise<void> {
  for (const number of ODD_NUMBERS) {
    const session = await target.socket()
    await session?.connect(device.token, number)
    session?.close()
  }
}
