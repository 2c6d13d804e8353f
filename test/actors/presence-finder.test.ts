import test from 'ava'
import { PresenceFinder } from '../../src/actors/presence-finder.ts'
import { PresenceNodes } from '../../src/actors/presence-nodes.ts'
import { WatchedUser } from '../../src/actors/presence-watch.ts'
import { Watchlist } from '../../src/actors/presence-watchlist.ts'
import type { UserId } from '../../src/shared/ids.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'

const USERS = 200
const WATCHERS = 40

/** So many sessions that each watch the same users, on a node whose storage is away. */
function create() {
  const bus = new LocalBusHub().connect(1_000)
  const watchlist = new Watchlist()
  let asked = 0
  const store = {
    find: () => {
      asked++
      return Promise.reject(new Error('The database is away'))
    },
    noteSeen: () => undefined,
    peekSeen: () => 0,
  }
  const nodes = new PresenceNodes({ nodeGone: () => undefined, nodeBack: () => undefined }, () => 0, 3)
  const finder = new PresenceFinder('one', bus, store, watchlist, nodes)
  const watchers = Array.from({ length: WATCHERS }, () => ({ send: () => undefined }))
  const watched = Array.from({ length: USERS }, (_, i) => {
    const user = new WatchedUser((i + 1) as UserId, false, () => undefined)
    for (const [n, watcher] of watchers.entries()) watchlist.add(user, watcher, (1_000 + n) as UserId)
    return user
  })
  /** What of the storage is asked until nothing goes on any more. */
  const askedBy = async (act: () => void): Promise<number> => {
    asked = 0
    act()
    for (let last = -1; last !== asked;) {
      last = asked
      await new Promise(setImmediate)
    }
    return asked
  }
  return { finder, watched, askedBy }
}

test('what failed is tried again for so many watchers at a tick, however many watch one user', async (t) => {
  const { finder, watched, askedBy } = create()
  for (const user of watched) finder.retry(user)
  const asked = await askedBy(() => finder.refreshSome(0))
  t.true(asked > 0)
  t.true(asked <= 2 * (1_000 + WATCHERS), `${asked} questions`)
})

test('what is old is found out anew for so many watchers at a tick, until all were', async (t) => {
  const { finder, askedBy } = create()
  const asked = await askedBy(() => finder.refreshSome(1))
  t.true(asked > 0)
  t.true(asked <= 2 * (1_000 + WATCHERS), `${asked} questions`)
  t.is(await askedBy(() => finder.refreshAll()), 2 * USERS * WATCHERS)
})
