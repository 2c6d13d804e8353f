import test from 'ava'
import { PresenceNodes } from '../../src/actors/presence-nodes.ts'
import type { UserId } from '../../src/shared/ids.ts'

const [ann, bob, carol] = [1, 2, 3] as UserId[] as [UserId, UserId, UserId]

/** Nodes whose silence is noticed at the third tick, at a time that the test turns on. */
function create() {
  const heard: string[] = []
  const clock = { now: 100 }
  const host = {
    nodeGone: (node: string, users: ReadonlySet<UserId>, at: number) =>
      void heard.push(`${node} gone ${[...users].join()} at ${at}`),
    nodeBack: (node: string, users: ReadonlySet<UserId>) => void heard.push(`${node} back ${[...users].join()}`),
  }
  return { nodes: new PresenceNodes(host, () => clock.now, 3), heard, clock }
}

function ticks(nodes: PresenceNodes, count: number, connected = true): void {
  for (let i = 0; i < count; i++) nodes.tick(connected)
}

test('a node that gives no sign is gone once, with all its users, as of its last sign', (t) => {
  const { nodes, heard, clock } = create()
  nodes.add('n1', ann)
  nodes.add('n1', bob)
  nodes.add('n2', carol)
  ticks(nodes, 2)
  clock.now = 200
  nodes.beat({ node: 'n1', leaving: false })
  nodes.beat({ node: 'n2', leaving: false })
  nodes.beat({ node: 'n3', leaving: false })
  clock.now = 300
  ticks(nodes, 2)
  t.deepEqual(heard, [])
  nodes.beat({ node: 'n2', leaving: false })
  ticks(nodes, 2)
  t.deepEqual(heard, ['n1 gone 1,2 at 200'])
  ticks(nodes, 10)
  t.deepEqual(heard, ['n1 gone 1,2 at 200', 'n2 gone 3 at 300'])
})

test('what a node says of a user is a sign of it', (t) => {
  const { nodes, heard } = create()
  nodes.add('n1', ann)
  ticks(nodes, 2)
  nodes.add('n1', bob)
  ticks(nodes, 2)
  t.deepEqual(heard, [])
})

test('without the bus nobody is blamed, and the time counts anew afterwards', (t) => {
  const { nodes, heard } = create()
  nodes.add('n1', ann)
  ticks(nodes, 2)
  ticks(nodes, 20, false)
  ticks(nodes, 2)
  t.deepEqual(heard, [])
  ticks(nodes, 1)
  t.deepEqual(heard, ['n1 gone 1 at 100'])
})

test('a silent node that is heard again is back with those who are still watched, and can be gone again', (t) => {
  const { nodes, heard } = create()
  nodes.add('n1', ann)
  nodes.add('n1', bob)
  ticks(nodes, 3)
  nodes.forget(ann)
  nodes.beat({ node: 'n1', leaving: false })
  t.deepEqual(heard.splice(0), ['n1 gone 1,2 at 100', 'n1 back 2'])
  nodes.add('n1', bob)
  ticks(nodes, 3)
  nodes.add('n1', carol)
  t.deepEqual(heard.splice(0), ['n1 gone 2 at 100', 'n1 back 2'])
  nodes.beat({ node: 'n1', leaving: true })
  t.deepEqual(heard, ['n1 gone 3 at 100'])
})

test('a node that says goodbye is gone at once, and only once', (t) => {
  const { nodes, heard } = create()
  nodes.add('n1', ann)
  nodes.beat({ node: 'n1', leaving: true })
  nodes.beat({ node: 'n1', leaving: true })
  ticks(nodes, 10)
  nodes.add('n2', bob)
  ticks(nodes, 3)
  nodes.beat({ node: 'n2', leaving: true })
  t.deepEqual(heard, ['n1 gone 1 at 100', 'n2 gone 2 at 100'])
})

test('a node through which nobody watched is online is not waited for, nor one that is silent for long', (t) => {
  const { nodes, heard } = create()
  nodes.add('n1', ann)
  nodes.remove('n1', ann)
  nodes.add('n2', bob)
  ticks(nodes, 300)
  nodes.beat({ node: 'n1', leaving: false })
  nodes.beat({ node: 'n2', leaving: false })
  t.deepEqual(heard, ['n2 gone 2 at 100'])
})
