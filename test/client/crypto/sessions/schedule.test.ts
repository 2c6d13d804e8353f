import test from 'ava'
import fc from 'fast-check'
import { findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import { needsBundle } from '../../../../client/crypto/sessions/send.ts'
import { openSignal, sealSignal } from '../../../../client/crypto/signals/signal.ts'
import { hex } from '../../../../client/crypto/bytes.ts'
import { times } from '../../../helpers/long.ts'
import { ascii } from '../helpers/bytes.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makePerson, NOW } from '../helpers/people.ts'
import { refusal } from '../helpers/refusal.ts'

const RUNS = times(20, 60)
const SIGNALS = times(1_000, 5_000)

const people = [await makePerson(15_550_000_001), await makePerson(15_550_000_002)] as const

type Step =
  | { readonly type: 'send'; readonly side: 0 | 1 }
  | { readonly type: 'start'; readonly side: 0 | 1 }
  | { readonly type: 'deliver' | 'repeat' | 'drop'; readonly pick: number }

const side = fc.constantFrom(0 as const, 1 as const)
const sends = fc.record({ type: fc.constant('send' as const), side })
const carries = fc.record({
  type: fc.constantFrom('deliver' as const, 'repeat' as const, 'drop' as const),
  pick: fc.nat(),
})
const delivers = fc.record({ type: fc.constant('deliver' as const), pick: fc.nat() })

interface Letter {
  readonly side: 0 | 1
  readonly text: string
  readonly payload: Uint8Array
}

/** Two devices and what is on the way between them. */
class World {
  readonly ends: readonly [Endpoint, Endpoint] = [Endpoint.of(people[0]), Endpoint.of(people[1])]
  readonly waiting: Letter[] = []
  readonly opened: Letter[] = []
  readonly wrong: string[] = []
  #sent = 0

  run(step: Step): void {
    if (step.type === 'send') this.send(step.side)
    else if (step.type === 'start') this.ends[step.side].start(this.ends[step.side === 0 ? 1 : 0])
    else if (step.type === 'repeat') this.repeat(step.pick)
    else this.carry(step.pick, step.type === 'deliver')
  }

  send(side: 0 | 1): void {
    this.#sent += 1
    const text = `message ${this.#sent}`
    this.waiting.push({ side, text, payload: this.ends[side].send(this.ends[side === 0 ? 1 : 0], text) })
  }

  carry(pick: number, arrives: boolean): void {
    const [letter] = this.waiting.splice(this.waiting.length === 0 ? 0 : pick % this.waiting.length, 1)
    if (letter === undefined || !arrives) return
    const read = this.open(letter)
    if (read !== letter.text) this.wrong.push(`${letter.text} came as ${read}`)
    this.opened.push(letter)
  }

  /** What was opened comes again: it changes nothing. */
  repeat(pick: number): void {
    const letter = this.opened[this.opened.length === 0 ? 0 : pick % this.opened.length]
    if (letter === undefined) return
    const end = this.ends[letter.side === 0 ? 1 : 0]
    const before = end.snapshot()
    const code = refusal(() => this.open(letter))
    if (code !== 'DUPLICATE') this.wrong.push(`${letter.text} again: ${code}`)
    if (end.snapshot() !== before) this.wrong.push(`${letter.text} again changed something`)
  }

  open({ side, payload }: Letter): string | undefined {
    return this.ends[side === 0 ? 1 : 0].read(this.ends[side], payload)
  }

  /** Each side sends once, and gets what the other sent. */
  exchange(): void {
    for (const side of [0, 1] as const) {
      this.send(side)
      this.carry(this.waiting.length - 1, true)
    }
  }

  current(side: 0 | 1): string {
    return hex(findCurrent(this.ends[side].recordOf(this.ends[side === 0 ? 1 : 0]))?.id ?? new Uint8Array())
  }
}

test('whatever the order, loss and repetition, each message that arrives opens once, as what it is', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(sends, carries, delivers), { maxLength: 120 }), (steps) => {
      const world = new World()
      for (const step of steps) world.run(step)
      while (world.waiting.length > 0) world.carry(world.waiting.length - 1, true)
      t.deepEqual(world.wrong, [])
    }),
    { numRuns: RUNS },
  )
})

test('both sides start at once: after one exchange they are on one session, and nothing is lost', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(sends, delivers, carries), { maxLength: 30 }), (steps) => {
      const world = new World()
      world.send(0)
      world.send(1)
      for (const step of steps) world.run(step)
      world.exchange()
      world.exchange()
      t.is(world.current(0), world.current(1))
      const { length } = world.wrong
      while (world.waiting.length > 0) world.carry(0, true)
      t.is(world.wrong.length, length)
      t.is(world.current(0), world.current(1))
      t.deepEqual(world.wrong, [])
    }),
    { numRuns: RUNS },
  )
})

test('of two sessions that cross, both sides take the same, and need no third', (t) => {
  for (let i = 0; i < 10; i++) {
    const world = new World()
    world.send(0)
    world.send(1)
    world.carry(0, true)
    world.carry(0, true)
    t.is(world.current(0), world.current(1))
    for (const side of [0, 1] as const) {
      const record = world.ends[side].recordOf(world.ends[side === 0 ? 1 : 0])
      t.is(record.generation, 1)
      t.is(record.sessions.length, 2)
      t.false(needsBundle(record, NOW))
    }
    t.deepEqual(world.wrong, [])
  }
})

test('new sessions at any time, on either side, leave both on one', (t) => {
  fc.assert(
    fc.property(fc.array(fc.oneof(sends, sends, delivers, delivers), { maxLength: 40 }), side, side, (steps, a, b) => {
      const world = new World()
      world.exchange()
      const half = steps.length >> 1
      for (const step of steps.slice(0, half)) world.run(step)
      world.run({ type: 'start', side: a })
      for (const step of steps.slice(half)) world.run(step)
      world.run({ type: 'start', side: b })
      world.exchange()
      world.exchange()
      t.is(world.current(0), world.current(1))
      while (world.waiting.length > 0) world.carry(0, true)
      t.is(world.current(0), world.current(1))
      t.deepEqual(world.wrong, [])
    }),
    { numRuns: RUNS },
  )
})

test(`${SIGNALS} dropped signals cost no later message anything`, async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  const before = alice.snapshot()
  const record = alice.recordOf(bob)
  let signal = new Uint8Array()
  for (let i = 0; i < SIGNALS; i++) signal = new Uint8Array(sealSignal(record, ascii(`typing ${i}`)))
  t.is(alice.snapshot(), before)
  t.deepEqual(openSignal(bob.recordOf(alice), signal), ascii(`typing ${SIGNALS - 1}`))
  t.is(bob.read(alice, alice.send(bob, 'there')), 'there')
})
