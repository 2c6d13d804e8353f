import { attacker } from '../attacker.ts'
import { flood, forever } from '../means.ts'

const FIRST_USER = 15_000_000_000
const users = (count: number, from = 0) => Array.from({ length: count }, (_, i) => FIRST_USER + from + i)

export const unwatchFlood = attacker({
  name: 'unwatch-flood',
  about: 'Batches of 100 unwatches of 1,000 users each, none of whom is watched',
  run: (target, signal) =>
    flood(target, signal, (session) =>
      session.pack(
        Array.from({ length: 100 }, (_, i) => ({ type: 'unwatch', users: users(1_000, i * 1_000) }) as const),
      ),
    ),
})

export const watchAlternation = attacker({
  name: 'watch-alternation',
  about: 'Watches and unwatches 500 users in turn, in batches of 100 frames',
  run: (target, signal) =>
    flood(target, signal, (session) =>
      session.pack(
        Array.from({ length: 100 }, (_, i) => ({ type: i % 2 ? 'unwatch' : 'watch', users: users(500) }) as const),
      ),
    ),
})

export const watchCrowd = attacker({
  name: 'watch-crowd',
  about: "40 sessions that each watch 1,000 users, half of them the attacker's own, while those come and go",
  accounts: 60,
  run: async (target, signal) => {
    const watched = [...target.accounts.map(({ user }) => user), ...users(1_000 - target.accounts.length)]
    const watchers = flood(
      target,
      signal,
      (session) =>
        session.pack([
          { type: 'watch', users: watched },
          { type: 'unwatch', users: watched.slice(0, 10) },
        ]),
      { sockets: 40 },
    )
    const comers = forever(signal, 20, async (index) => {
      const session = await target.session(target.accounts[40 + index]!)
      session?.close()
      return session !== undefined
    })
    await Promise.all([watchers, comers])
  },
})
