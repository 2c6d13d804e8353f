import test from 'ava'
import { Conversations } from '../../src/actors/conversations.ts'
import type { ConversationItem } from '../../src/actors/conversation.ts'
import type { Route } from '../../src/actors/route.ts'
import type { UserId } from '../../src/shared/ids.ts'
import { addressOf, envelopeTo } from '../helpers/raw-envelope.ts'

const MAX = 3
const user = (index: number): UserId => (15_550_000_000 + index) as UserId

/** Conversations whose batches a test answers. */
function create() {
  const routes: Route[] = []
  const conversations = new Conversations<ConversationItem>(MAX, {
    route: (route) => void routes.push(route),
    answered: () => {},
    append: () => undefined,
    wake: () => undefined,
  })
  const send = (index: number): void => {
    const to = addressOf(user(index))
    const conversation = conversations.open(to.user)
    conversation?.add(to.device, { envelope: envelopeTo(to) })
    conversation?.launch()
  }
  return { conversations, routes, send }
}

test('there are no more than there may be, and the oldest goes first', (t) => {
  const { conversations } = create()
  const begun = [0, 1, 2, 3].map((index) => conversations.open(user(index)))
  t.is(conversations.size, MAX)
  t.is(conversations.find(user(0)), undefined)
  for (const index of [1, 2, 3]) t.is(conversations.find(user(index)), begun[index])
  t.true(begun[3]?.admit(false), 'nothing was refused')
})

test('one in which something is on its way stays, and another goes in its place', (t) => {
  const { conversations, routes, send } = create()
  for (const index of [0, 1, 2]) send(index)
  t.is(conversations.open(user(3)), undefined, 'something is on its way in all')
  routes[1]!.answer(0, 'accepted', 'actor')
  t.not(conversations.open(user(3)), undefined)
  t.is(conversations.find(user(1)), undefined)
  t.not(conversations.find(user(0)), undefined)
})

test('who was refused goes back after it was forgotten too, until it says that it is the first again', (t) => {
  const { conversations } = create()
  const refused = 10 * MAX
  for (let index = 0; index < refused; index++) conversations.open(user(index))?.goBack()
  t.is(conversations.size, MAX)
  for (const index of [0, refused - 1]) {
    t.false(conversations.open(user(index))?.admit(false))
    t.true(conversations.open(user(index))?.admit(true))
    t.true(conversations.open(user(index))?.admit(false))
  }
})

test('a send for which there was no place is not overtaken by what comes after it', (t) => {
  const { conversations, routes, send } = create()
  for (const index of [0, 1, 2]) send(index)
  t.is(conversations.open(user(3)), undefined)
  for (const route of routes) route.answer(0, 'accepted', 'actor')
  t.false(conversations.open(user(3))?.admit(false))
})
