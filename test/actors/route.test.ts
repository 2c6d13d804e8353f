import test from 'ava'
import type { Address } from '../../src/shared/ids.ts'
import type { Envelope } from '../../src/shared/envelope.ts'
import type { NotTaken } from '../../src/actors/batch.ts'
import { Route } from '../../src/actors/route.ts'
import { addressOf, envelopeTo } from '../helpers/raw-envelope.ts'

const BOB = addressOf(15_550_000_002)

/** A route of so many items, and what it does. */
function routeOf(count: number, options: { readonly room?: number; readonly reason?: NotTaken } = {}) {
  const done: string[] = []
  let room = options.room ?? Infinity
  const envelopes = Array.from({ length: count }, () => envelopeTo(BOB))
  const effects = {
    append: (_envelope: Envelope, _route: Route, index: number): NotTaken | undefined => {
      if (room-- <= 0) return options.reason ?? 'refused'
      done.push(`append ${index}`)
      return undefined
    },
    wake: (_to: Address) => void done.push('wake'),
  }
  const listener = {
    answered: (_route: Route, index: number, outcome: string, incarnation: string) =>
      void done.push(`${index} ${outcome}${incarnation === '' ? '' : ` by ${incarnation}`}`),
  }
  return { route: new Route(BOB, envelopes, undefined, listener, effects), done }
}

test('what the actor answers is final, and only the first answer counts', (t) => {
  const { route, done } = routeOf(3)
  route.answer(1, 'delivered', 'n1')
  route.answer(0, 'accepted', 'n1')
  route.answer(0, 'refused', 'n2')
  route.answer(1, 'notHere', '')
  t.false(route.done)
  route.answer(2, 'accepted', 'n1')
  t.true(route.done)
  route.takeBack()
  t.deepEqual(done, ['1 delivered by n1', '0 accepted by n1', '2 accepted by n1'])
})

test('what nobody answers is appended from here, in order, and a wake follows each commit', (t) => {
  const { route, done } = routeOf(3)
  route.answer(1, 'accepted', 'n1')
  route.takeBack()
  route.answer(0, 'accepted', 'late')
  route.appended(0)
  route.appended(2)
  t.true(route.done)
  t.deepEqual(done, ['1 accepted by n1', 'append 0', 'append 2', 'wake', '0 accepted', 'wake', '2 accepted'])
})

test('what comes back waits for the others, so that it is appended in order', (t) => {
  const { route, done } = routeOf(3)
  route.answer(2, 'notHere', '')
  route.answer(0, 'notHere', '')
  t.deepEqual(done, [])
  route.answer(1, 'accepted', 'n1')
  t.deepEqual(done, ['1 accepted by n1', 'append 0', 'append 2'])
})

test('a batch whose first item was refused and whose second timed out appends neither', (t) => {
  const { route, done } = routeOf(2)
  route.answer(0, 'refused', '')
  route.takeBack()
  t.true(route.done)
  t.deepEqual(done, ['0 refused', '1 refused'])
})

test('a batch whose first item was refused and whose second is not here appends neither', (t) => {
  const { route, done } = routeOf(2)
  route.answer(0, 'refused', '')
  route.answer(1, 'notHere', '')
  t.deepEqual(done, ['0 refused', '1 refused'])
})

test('after an append that found no room nothing of the batch is appended', (t) => {
  const { route, done } = routeOf(4, { room: 1 })
  route.takeBack()
  t.deepEqual(done, ['append 0', '1 refused', '2 refused', '3 refused'])
  route.notAppended(0)
  t.true(route.done)
  t.is(done.at(-1), '0 refused')
})
