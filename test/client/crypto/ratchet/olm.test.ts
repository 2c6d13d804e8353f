import Olm from '@matrix-org/olm'
import test from 'ava'
import fc from 'fast-check'
import type { RatchetState } from '../../../../client/crypto/wire/session-state.ts'
import {
  fromBase64,
  olmHead,
  olmPreKeyMessage,
  olmRoot,
  openOlm,
  parseOlm,
  sealOlm,
  toBase64,
  turnOlm,
} from '../helpers/olm.ts'
import { primitives } from '../helpers/people.ts'

const NORMAL = 1
const ROUNDS = 20

const EMPTY = {
  peerKey: undefined,
  sendingKey: undefined,
  sent: 0,
  receivingKey: undefined,
  received: 0,
  previousSent: 0,
  consumed: [],
  skipped: new Uint8Array(),
}

test.before(() => Olm.init())

/** Each round one side sends some messages, which the other gets in another order. */
const rounds = fc.array(
  fc.record({ byOlm: fc.boolean(), order: fc.array(fc.nat(99), { minLength: 1, maxLength: 6 }) }),
  { minLength: ROUNDS, maxLength: ROUNDS },
)

type Rounds = readonly { readonly byOlm: boolean; readonly order: readonly number[] }[]

function shuffled<T>(items: readonly T[], order: readonly number[]): T[] {
  return items
    .map((item, i) => ({ item, key: order[i] as number }))
    .sort((a, b) => a.key - b.key)
    .map(({ item }) => item)
}

/** Olm does not say how long its chain before was, so that is counted here. */
class OlmChains {
  #key = ''
  #count = 0
  #previous = 0

  countBefore(message: Uint8Array): number {
    const { ratchetKey } = olmHead(message)
    if (this.#key !== toBase64(ratchetKey)) {
      this.#previous = this.#count
      this.#count = 0
      this.#key = toBase64(ratchetKey)
    }
    this.#count += 1
    return this.#previous
  }
}

function converse(session: Olm.Session, first: RatchetState, chains: OlmChains, script: Rounds): string[] {
  let state = first
  const wrong: string[] = []
  for (const [round, { byOlm, order }] of script.entries()) {
    const texts = order.map((_, i) => `round ${round}, ${byOlm ? 'Olm' : 'client'} ${i}`)
    if (byOlm) {
      const sent = texts.map((text) => {
        const { type, body } = session.encrypt(text)
        if (type !== NORMAL) throw new Error('A first message where none is due')
        const message = fromBase64(body)
        return { text, message, before: chains.countBefore(message) }
      })
      for (const { text, message, before } of shuffled(sent, order)) {
        const opened = openOlm(state, message, before)
        state = opened.state
        if (opened.text !== text) wrong.push(text)
      }
    } else {
      const sent = texts.map((text) => {
        const sealed = sealOlm(state, text)
        state = sealed.state
        return { text, message: sealed.message }
      })
      for (const { text, message } of shuffled(sent, order))
        if (session.decrypt(NORMAL, toBase64(message)) !== text) wrong.push(text)
    }
  }
  return wrong
}

test('the ratchet talks to libolm in sessions that it starts itself', (t) => {
  fc.assert(
    fc.property(rounds, (script) => {
      const account = new Olm.Account()
      account.create()
      account.generate_one_time_keys(1)
      const { curve25519 } = JSON.parse(account.one_time_keys()) as { curve25519: Record<string, string> }
      const oneTime = fromBase64(Object.values(curve25519)[0] as string)
      const theirs = fromBase64((JSON.parse(account.identity_keys()) as { curve25519: string }).curve25519)
      const [identity, base] = [primitives.generateDh(), primitives.generateDh()]
      const { rootKey, chainKey } = olmRoot([
        primitives.dh(identity.secretKey, oneTime),
        primitives.dh(base.secretKey, theirs),
        primitives.dh(base.secretKey, oneTime),
      ])
      const start: RatchetState = { ...EMPTY, rootKey, own: primitives.generateDh(), sendingKey: chainKey }
      const { state, message } = sealOlm(start, 'first')
      const body = toBase64(olmPreKeyMessage(oneTime, base.publicKey, identity.publicKey, message))
      const session = new Olm.Session()
      session.create_inbound(account, body)
      t.is(session.decrypt(0, body), 'first')
      const chains = new OlmChains()
      const answer = fromBase64(session.encrypt('answer').body)
      const opened = openOlm(state, answer, chains.countBefore(answer))
      t.is(opened.text, 'answer')
      t.deepEqual(converse(session, opened.state, chains, script), [])
      session.free()
      account.free()
    }),
    { numRuns: 30 },
  )
})

test('the ratchet talks to libolm in sessions that libolm starts', (t) => {
  fc.assert(
    fc.property(rounds, (script) => {
      const account = new Olm.Account()
      account.create()
      const [identity, oneTime] = [primitives.generateDh(), primitives.generateDh()]
      const session = new Olm.Session()
      session.create_outbound(account, toBase64(identity.publicKey), toBase64(oneTime.publicKey))
      const { bytes } = parseOlm(fromBase64(session.encrypt('first').body))
      const [base, theirs, message] = [0x12, 0x1a, 0x22].map((tag) => bytes.get(tag)) as [Buffer, Buffer, Buffer]
      const { rootKey, chainKey } = olmRoot([
        primitives.dh(oneTime.secretKey, theirs),
        primitives.dh(identity.secretKey, base),
        primitives.dh(oneTime.secretKey, base),
      ])
      const chains = new OlmChains()
      const { ratchetKey } = olmHead(message)
      const start: RatchetState = { ...EMPTY, rootKey, own: oneTime, peerKey: ratchetKey, receivingKey: chainKey }
      const opened = openOlm(start, message, chains.countBefore(message))
      t.is(opened.text, 'first')
      const answered = sealOlm(turnOlm(opened.state), 'answer')
      t.is(session.decrypt(NORMAL, toBase64(answered.message)), 'answer')
      t.deepEqual(converse(session, answered.state, chains, script), [])
      session.free()
      account.free()
    }),
    { numRuns: 30 },
  )
})
