import test from 'ava'
import { Sources } from '../../src/actors/presence-sources.ts'

const says = (node: string, change: number, online: boolean) => ({ node, change, online, lastSeen: 0 })

test('a user is online while one node says so', (t) => {
  const sources = new Sources()
  t.false(sources.online)
  sources.hear(says('n1', 1, true))
  sources.hear(says('n2', 1, true))
  sources.hear(says('n1', 2, false))
  t.true(sources.online)
  sources.hear(says('n2', 2, false))
  t.false(sources.online)
})

test('the same said twice counts once', (t) => {
  const sources = new Sources()
  sources.hear(says('n1', 1, true))
  sources.hear(says('n1', 1, true))
  sources.hear(says('n1', 2, false))
  t.false(sources.online)
})

test('an answer that was overtaken by a later word of its node changes nothing', (t) => {
  const sources = new Sources()
  sources.beginRound()
  t.true(sources.hear(says('n1', 5, false)))
  t.false(sources.hear(says('n1', 4, true)))
  t.false(sources.online)
})

test('who did not answer in a round is dropped, and who spoke up meanwhile stays', (t) => {
  const sources = new Sources()
  sources.hear(says('n1', 1, true))
  sources.hear(says('n2', 1, true))
  sources.hear(says('n3', 1, false))
  sources.beginRound()
  sources.hear(says('n2', 1, true))
  sources.hear(says('n4', 1, true))
  t.deepEqual(sources.endRound(), ['n1'])
  sources.drop('n2')
  t.true(sources.online)
  sources.drop('n4')
  sources.drop('n4')
  t.false(sources.online)
})
