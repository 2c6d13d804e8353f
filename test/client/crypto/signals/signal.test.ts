import test from 'ava'
import { EMPTY_RECORD } from '../../../../client/crypto/sessions/session-record.ts'
import { openSignal, sealSignal } from '../../../../client/crypto/signals/signal.ts'
import { ascii, flip } from '../helpers/bytes.ts'
import { twoEndpoints } from '../helpers/endpoint.ts'
import { refusal } from '../helpers/refusal.ts'

test('a signal opens on the other side, also when another session has taken over since', async (t) => {
  const [alice, bob] = await twoEndpoints()
  bob.read(alice, alice.send(bob, 'hello'))
  const signal = sealSignal(alice.recordOf(bob), ascii('typing'))
  t.is(signal.length, 78 + 160)
  alice.start(bob)
  bob.read(alice, alice.send(bob, 'a new session'))
  t.deepEqual(openSignal(bob.recordOf(alice), signal), ascii('typing'))
  t.deepEqual(openSignal(bob.recordOf(alice), sealSignal(alice.recordOf(bob), ascii('now'))), ascii('now'))
})

test('a signal neither comes back nor opens when a byte is changed', async (t) => {
  const [alice, bob] = await twoEndpoints()
  bob.read(alice, alice.send(bob, 'hello'))
  const signal = sealSignal(alice.recordOf(bob), ascii('typing'))
  t.is(
    refusal(() => openSignal(alice.recordOf(bob), signal)),
    'BAD_TAG',
  )
  for (let i = 0; i < signal.length; i++)
    t.truthy(refusal(() => openSignal(bob.recordOf(alice), flip(signal, 8 * i + (i % 8)))))
  t.deepEqual(openSignal(bob.recordOf(alice), signal), ascii('typing'))
})

test('without a session there is no signal', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(
    refusal(() => sealSignal(EMPTY_RECORD, ascii('typing'))),
    'NO_SESSION',
  )
  alice.send(bob, 'hello')
  t.is(
    refusal(() => openSignal(EMPTY_RECORD, sealSignal(alice.recordOf(bob), ascii('typing')))),
    'NO_SESSION',
  )
})
