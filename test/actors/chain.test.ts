import test from 'ava'
import { Chain } from '../../src/actors/chain.ts'
import type { Route } from '../../src/actors/route.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import { addressOf, envelopeTo } from '../helpers/raw-envelope.ts'

const BOB = addressOf(15_550_000_002)

/** A chain whose batches a test answers. */
function openChain() {
  const routes: Route[] = []
  const answered: Envelope[] = []
  const chain = new Chain<{ readonly envelope: Envelope }>(BOB, {
    route: (route) => void routes.push(route),
    answered: ({ envelope }) => void answered.push(envelope),
    append: () => undefined,
    wake: () => undefined,
  })
  return { chain, routes, answered }
}

const KIB = 1024

test('a batch is no larger than a message of the bus, and the rest follows when it is answered', (t) => {
  const { chain, routes, answered } = openChain()
  const envelopes = Array.from({ length: 20 }, () => envelopeTo(BOB, { payload: new Uint8Array(60 * KIB) }))
  for (const envelope of envelopes) chain.add({ envelope })
  chain.launch()
  for (let i = 0; i < routes.length; i++) {
    const bytes = routes[i]!.envelopes.reduce((sum, { payload }) => sum + payload.length, 0)
    t.true(bytes > 400 * KIB || i === routes.length - 1)
    t.true(bytes <= 512 * KIB)
    for (const index of routes[i]!.envelopes.keys()) routes[i]!.answer(index, 'accepted', 'actor')
  }
  t.is(routes.length, 3)
  t.deepEqual(answered, envelopes)
  t.true(chain.idle)
})

test('an envelope that is large by itself is a batch of one', (t) => {
  const { chain, routes } = openChain()
  const large = envelopeTo(BOB, { payload: new Uint8Array(600 * KIB) })
  for (const envelope of [large, envelopeTo(BOB)]) chain.add({ envelope })
  chain.launch()
  t.deepEqual(routes[0]!.envelopes, [large])
})
