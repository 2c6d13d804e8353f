import { attacker } from '../attacker.ts'
import { flood } from '../means.ts'

const payload = (bytes: number) => new Uint8Array(bytes)

export const signalsToSelf = attacker({
  name: 'signals-to-self',
  about: 'Signals of 60 KiB from a device to itself, which hears all of them',
  run: (target, signal) => {
    const to = { user: target.accounts[0]!.user, device: 0 }
    return flood(target, signal, (session) =>
      session.pack(Array.from({ length: 15 }, () => ({ type: 'signal', to, payload: payload(60_000) }) as const)),
    )
  },
})

export const signalsToOthers = attacker({
  name: 'signals-to-others',
  about: '8 devices flood one that never reads with signals of 60 KiB',
  accounts: 9,
  run: async (target, signal) => {
    const victim = target.accounts[8]!
    const deaf = await target.session(victim)
    deaf?.wire.pause()
    const frame = { type: 'signal', to: { user: victim.user, device: 1 }, payload: payload(60_000) } as const
    await flood(target, signal, (session) => session.pack(Array.from({ length: 15 }, () => frame)), { sockets: 8 })
    deaf?.close()
  },
})

export const smallSignals = attacker({
  name: 'small-signals',
  about: 'Batches of 2,000 signals of 1 byte to a user that does not exist',
  run: (target, signal) => {
    const frame = { type: 'signal', to: { user: 15_099_999_999, device: 0 }, payload: payload(1) } as const
    return flood(target, signal, (session) => session.pack(Array.from({ length: 2_000 }, () => frame)))
  },
})
