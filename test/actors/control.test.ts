import test from 'ava'
import { Control } from '../../src/actors/control.ts'
import { LocalBusHub } from '../../src/transport/local-bus.ts'
import { HeldBus } from '../helpers/raw-bus.ts'
import { addressOf } from '../helpers/raw-envelope.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const { user: BOB } = addressOf(15_550_000_002)
const { user: CAROL } = addressOf(15_550_000_003)

/** Two nodes, and what each has heard. */
function openPair() {
  const hub = new LocalBusHub()
  return Array.from({ length: 2 }, () => {
    const bus = new HeldBus(hub.connect(1_000))
    const heard: (number | 'anything')[] = []
    const control = new Control(bus, {
      devicesChanged: (user) => void heard.push(user),
      anythingChanged: () => void heard.push('anything'),
    })
    return { bus, heard, control }
  }) as [OpenNode, OpenNode]
}

interface OpenNode {
  readonly bus: HeldBus
  readonly heard: (number | 'anything')[]
  readonly control: Control
}

test('what a node says of a user is heard by all', async (t) => {
  const [one, two] = openPair()
  one.control.announce(BOB)
  await waitUntil('it is heard', () => one.heard.length + two.heard.length === 2)
  t.deepEqual([one.heard, two.heard], [[BOB], [BOB]])
})

test('what could not be told while the bus was away is told when it is back, each user once', async (t) => {
  const [one, two] = openPair()
  one.bus.cut()
  for (const user of [BOB, CAROL, BOB]) one.control.announce(user)
  one.bus.mend()
  await waitUntil('they are heard', () => two.heard.length === 2)
  t.deepEqual(two.heard, [BOB, CAROL])
  t.is(one.heard[0], 'anything')
  one.bus.mend()
  await waitUntil('the return is noticed', () => one.heard.filter((one) => one === 'anything').length === 2)
  t.is(two.heard.length, 2)
})

test('a node that has closed hears no more', async (t) => {
  const [one, two] = openPair()
  two.control.close()
  one.control.announce(BOB)
  await waitUntil('the other one hears it', () => one.heard.length === 1)
  t.deepEqual(two.heard, [])
})
