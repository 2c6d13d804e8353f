import test from 'ava'
import * as fc from 'fast-check'
import { advance } from '../../client/receipts.ts'
import type { Status } from '../../client/receipts.ts'

const all: Status[] = ['waiting', 'failed', 'accepted', 'expired', 'delivered', 'read', 'played']

test('receipts in any order and number end at the furthest', (t) => {
  fc.assert(
    fc.property(fc.array(fc.constantFrom(...all), { minLength: 1 }), (news) => {
      const furthest = all.toReversed().find((status) => news.includes(status))
      const seen = news.reduce<Status[]>((path, one) => [...path, advance(path.at(-1) ?? 'waiting', one)], [])
      t.is(seen.at(-1), furthest)
    }),
  )
})

test('what expired on one device and arrived on another has arrived', (t) => {
  t.is(advance('expired', 'delivered'), 'delivered')
  t.is(advance('read', 'expired'), 'read')
})
