import test from 'ava'
import { twoEndpoints } from '../helpers/endpoint.ts'

test('two devices talk, and the sizes are those of the specification', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const first = alice.send(bob, 'hello')
  t.is(first.length, 1_708)
  t.is(bob.read(alice, first), 'hello')
  const second = alice.send(bob, 'still there?')
  t.is(second.length, 1_708)
  const answer = bob.send(alice, 'yes')
  t.is(answer.length, 278)
  t.is(alice.read(bob, answer), 'yes')
  t.is(bob.read(alice, second), 'still there?')
  const third = alice.send(bob, 'good')
  t.is(third.length, 278)
  t.is(bob.read(alice, third), 'good')
})
