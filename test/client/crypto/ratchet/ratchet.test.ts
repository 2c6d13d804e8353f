import test from 'ava'
import { equal } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { ratchetSuite } from '../../../../client/crypto/ratchet/chain.ts'
import { nextToSend, receive, startInitiator, startResponder } from '../../../../client/crypto/ratchet/ratchet.ts'
import { purgeSkipped } from '../../../../client/crypto/ratchet/skipped-keys.ts'
import type { RatchetHead } from '../../../../client/crypto/wire/ratchet-message.ts'
import { SKIPPED_BYTES } from '../../../../client/crypto/wire/session-state.ts'
import type { RatchetState } from '../../../../client/crypto/wire/session-state.ts'
import { NOW, primitives } from '../helpers/people.ts'

const suite = ratchetSuite(primitives)
const DAY_MS = 24 * 3_600_000

interface Message {
  readonly head: RatchetHead
  readonly key: Uint8Array
}

/** One side; its messages are keys, which open when the other side finds the same. */
class Side {
  state: RatchetState
  nowMs = NOW

  constructor(state: RatchetState) {
    this.state = state
  }

  send(count: number): Message[] {
    return Array.from({ length: count }, () => {
      const { state, head, key } = nextToSend(this.state)
      this.state = state
      return { head, key }
    })
  }

  receive({ head, key }: Message): void {
    const incoming = { head, nowMs: this.nowMs, closed: false }
    this.state = receive(suite, this.state, incoming, (found) => {
      if (!equal(found, key)) throw new CryptoError('BAD_TAG', 'Another key')
    }).state
  }

  /** The code with which it refuses a message, and that leaves its state alone. */
  refuse(message: Message): string {
    const before = this.state
    try {
      this.receive(message)
    } catch (error) {
      if (error instanceof CryptoError && this.state === before) return error.code
      throw error
    }
    return 'opened'
  }

  get skipped(): number {
    return this.state.skipped.length / SKIPPED_BYTES
  }
}

function pair(): { alice: Side; bob: Side } {
  const first = primitives.generateDh()
  const shared = new Uint8Array(32).fill(7)
  return {
    alice: new Side(startInitiator(suite, shared, first.publicKey)),
    bob: new Side(startResponder(shared, first)),
  }
}

/** A pair in which Bob has received one message. */
function talking(): { alice: Side; bob: Side } {
  const { alice, bob } = pair()
  for (const message of alice.send(1)) bob.receive(message)
  return { alice, bob }
}

const last = (messages: readonly Message[]): Message => messages.at(-1) as Message

test('2,000 missing messages are skipped, 2,001 are too many', (t) => {
  const { alice, bob } = talking()
  const sent = alice.send(2_002)
  t.is(bob.refuse(sent[2_001] as Message), 'TOO_FAR_AHEAD')
  bob.receive(sent[2_000] as Message)
  bob.receive(sent[2_001] as Message)
  t.is(bob.skipped, 1_000)
})

test('in the first chain, and in a new one, as many may be missing', (t) => {
  const { alice, bob } = pair()
  const sent = alice.send(2_002)
  t.is(bob.refuse(sent[2_001] as Message), 'TOO_FAR_AHEAD')
  bob.receive(sent[2_000] as Message)
  const answers = bob.send(2_002)
  t.is(alice.refuse(answers[2_001] as Message), 'TOO_FAR_AHEAD')
  alice.receive(answers[2_000] as Message)
})

test('2,000 messages may be missing from the chain before, 2,001 not', (t) => {
  for (const missing of [2_000, 2_001]) {
    const { alice, bob } = talking()
    const lost = alice.send(missing)
    for (const message of bob.send(1)) alice.receive(message)
    const fresh = last(alice.send(1))
    t.is(fresh.head.previousCount, missing + 1)
    if (missing > 2_000) {
      t.is(bob.refuse(fresh), 'TOO_FAR_AHEAD')
      bob.receive(lost[0] as Message)
    }
    bob.receive(fresh)
    bob.receive(last(lost))
  }
})

test('a forged count is refused before anything is derived for it, and the true message still opens', (t) => {
  const { alice, bob } = talking()
  for (const message of bob.send(1)) alice.receive(message)
  const message = last(alice.send(1))
  for (const forged of [
    { ...message.head, previousCount: 0xffffffff },
    { ...message.head, number: 0xfffffffe },
  ])
    t.is(bob.refuse({ ...message, head: forged }), 'TOO_FAR_AHEAD')
  bob.receive(message)
})

test('a key of a chain that ended brings no step back', (t) => {
  const { alice, bob } = talking()
  const old = last(alice.send(1))
  bob.receive(old)
  for (const message of bob.send(1)) alice.receive(message)
  for (const message of alice.send(1)) bob.receive(message)
  const { rootKey } = bob.state
  t.is(bob.refuse(old), 'DUPLICATE')
  t.is(bob.refuse({ ...old, head: { ...old.head, number: 40 } }), 'DUPLICATE')
  t.is(bob.state.rootKey, rootKey)
})

test('the last five ended chains are remembered', (t) => {
  const { alice, bob } = talking()
  for (let i = 0; i < 10; i++) {
    for (const message of bob.send(1)) alice.receive(message)
    for (const message of alice.send(1)) bob.receive(message)
  }
  t.is(bob.state.consumed.length, 5)
})

test('a first chain of the peer has none before it', (t) => {
  const { alice, bob } = talking()
  const message = last(bob.send(1))
  t.is(alice.refuse({ ...message, head: { ...message.head, previousCount: 1 } }), 'BAD_TAG')
  alice.receive(message)
})

test('of ten thousand skipped keys the newest thousand stay, and open', (t) => {
  const { alice, bob } = talking()
  const skipped: Message[] = []
  for (let i = 0; i < 10; i++) {
    const sent = alice.send(1_001)
    bob.receive(last(sent))
    skipped.push(...sent.slice(0, -1))
    t.is(bob.skipped, 1_000)
  }
  t.is(bob.refuse(skipped[8_999] as Message), 'DUPLICATE')
  for (const message of skipped.slice(9_000)) bob.receive(message)
  t.is(bob.skipped, 0)
  t.is(bob.refuse(skipped[9_500] as Message), 'DUPLICATE')
})

test('a skipped key goes thirty days after it was stored', (t) => {
  const { alice, bob } = talking()
  const first = alice.send(2)
  bob.receive(last(first))
  bob.nowMs += DAY_MS
  const second = alice.send(2)
  bob.receive(last(second))
  t.is(purgeSkipped(bob.state.skipped, NOW + 30 * DAY_MS - 1), bob.state.skipped)
  bob.state = { ...bob.state, skipped: purgeSkipped(bob.state.skipped, NOW + 30 * DAY_MS) }
  t.is(bob.refuse(first[0] as Message), 'DUPLICATE')
  bob.receive(second[0] as Message)
})

test('after the last number of a chain nothing is sent on it', (t) => {
  const { alice, bob } = talking()
  alice.state = { ...alice.state, sent: 0xfffffffe }
  t.is(last(alice.send(1)).head.number, 0xfffffffe)
  t.throws(() => alice.send(1), { instanceOf: CryptoError, code: 'NO_SESSION' })
  for (const message of bob.send(1)) alice.receive(message)
  t.is(last(alice.send(1)).head.previousCount, 0xffffffff)
})
