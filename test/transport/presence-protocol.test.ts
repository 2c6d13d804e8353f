import test from 'ava'
import fc from 'fast-check'
import {
  decodeNodeBeat,
  decodePresence,
  encodeNodeBeat,
  encodePresenceState,
  encodePrivacyChanged,
} from '../../src/transport/presence-protocol.ts'
import { decodes } from '../helpers/decodes.ts'

const nodes = fc.stringMatching(/^[A-Za-z0-9_-]{1,128}$/)
const numbers = fc.nat({ max: Number.MAX_SAFE_INTEGER })
const states = fc.record({ node: nodes, change: numbers, online: fc.boolean(), lastSeen: numbers })

test('what a node says of a user, and of itself, comes back as it was', (t) => {
  fc.assert(
    fc.property(states, fc.boolean(), (state, leaving) => {
      const { node } = state
      t.deepEqual(decodePresence(encodePresenceState(state)), { type: 'state', ...state })
      t.deepEqual(decodePresence(encodePrivacyChanged(node)), { type: 'privacy', node })
      t.deepEqual(decodeNodeBeat(encodeNodeBeat({ node, leaving })), { node, leaving })
    }),
  )
})

test('a node without a proper name says nothing', (t) => {
  for (const node of ['', 'a.b', 'a b', '*', '>', 'x'.repeat(129)]) {
    t.false(decodes(() => decodePresence(encodePresenceState({ node, change: 1, online: true, lastSeen: 0 }))))
    t.false(decodes(() => decodePresence(encodePrivacyChanged(node))))
    t.false(decodes(() => decodeNodeBeat(encodeNodeBeat({ node, leaving: false }))))
  }
})

test('what a later version says is unknown, and its unknown fields are left out', (t) => {
  t.deepEqual(decodePresence(new Uint8Array([(9 << 3) | 2, 0])), { type: 'unknown' })
  const state = new Uint8Array([(1 << 3) | 2, 5, (1 << 3) | 2, 1, 110, (9 << 3) | 0, 1])
  t.deepEqual(decodePresence(state), { type: 'state', node: 'n', change: 0, online: false, lastSeen: 0 })
  t.deepEqual(decodeNodeBeat(new Uint8Array([(1 << 3) | 2, 1, 110, (9 << 3) | 0, 1])), { node: 'n', leaving: false })
})

test('random bytes give a DecodeError or a message, and nothing else', (t) => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), fc.constantFrom(10, 18, 26), (bytes, tag) => {
      decodes(() => decodePresence(bytes))
      decodes(() => decodePresence(new Uint8Array([tag, bytes.length, ...bytes])))
      decodes(() => decodeNodeBeat(bytes))
    }),
    { numRuns: 1_000 },
  )
  t.false(decodes(() => decodePresence(new Uint8Array(0))))
})
