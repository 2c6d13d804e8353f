import test from 'ava'
import { certify, signAsDevice } from '../../../../client/crypto/devices/certificate.ts'
import { firstMessageData, messageData } from '../../../../client/crypto/handshake/associated-data.ts'
import { initiate } from '../../../../client/crypto/handshake/initiator.ts'
import { respond } from '../../../../client/crypto/handshake/responder.ts'
import { encodeTranscript } from '../../../../client/crypto/handshake/transcript.ts'
import { encodeSessionState } from '../../../../client/crypto/wire/session-state.ts'
import { encodePreKeyHeader } from '../../../../client/crypto/wire/pre-key-message.ts'
import { findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import { Endpoint, twoEndpoints } from '../helpers/endpoint.ts'
import { makePerson, primitives } from '../helpers/people.ts'

const both = [false, true] as const

async function hostedEndpoint(user: number, hosted: boolean): Promise<Endpoint> {
  const person = await makePerson(user)
  const [device] = person.devices
  if (device === undefined) throw new Error('A person without a device')
  const body = { ...device.cert, hosted }
  const cert = await certify(primitives, body, await signAsDevice(primitives, body, device.signing), person.account)
  return Endpoint.of({ ...person, devices: [{ ...device, cert }] })
}

for (const oneTime of both)
  for (const kemOneTime of both)
    for (const hosted of both) {
      const name = `${oneTime ? 'a' : 'no'} one-time key, ${kemOneTime ? 'a one-time KEM key' : 'the KEM key of last resort'}`
      test(`both sides agree: ${name}, ${hosted ? 'hosted' : 'not hosted'}`, async (t) => {
        const alice = await hostedEndpoint(15_550_000_001, hosted)
        const bob = await hostedEndpoint(15_550_000_002, hosted)
        const bundle = bob.bundle({ oneTime, kemOneTime })
        const { secrets, header } = initiate(primitives, alice.own, bundle, 1)
        const one = bob.oneTimePreKeys.get(bundle.oneTimePreKey?.id ?? 0)
        const kem = (kemOneTime ? bob.kemOneTimePreKeys : bob.kemPreKeys).get(bundle.kemPreKey.id)
        const signed = bob.signedPreKeys.get(bundle.signedPreKey.id)
        if (kem === undefined || signed === undefined) throw new Error('No such pre-key')
        const answer = respond(primitives, bob.own, header, {
          signedPreKey: { id: bundle.signedPreKey.id, keys: signed },
          oneTimePreKey: one && { id: bundle.oneTimePreKey?.id ?? 0, keys: one },
          kemPreKey: { id: bundle.kemPreKey.id, oneTime: kemOneTime, keys: kem },
        })
        t.deepEqual(answer.secrets, secrets)
        t.deepEqual(answer.peer.identity, alice.own.identity)
        t.is(encodePreKeyHeader(header).length, 1_426)
        const certified = (end: Endpoint) => ({ ...end.own, certHash: new Uint8Array(32) })
        const transcript = {
          ...header,
          initiator: certified(alice),
          responder: certified(bob),
          signedPreKey: bundle.signedPreKey,
          oneTimePreKey: bundle.oneTimePreKey,
          kemPreKey: bundle.kemPreKey,
        }
        t.is(encodeTranscript(transcript).length, oneTime ? 2_671 : 2_638)
      })
    }

test('the sizes of what the two sides make are those of the specification', async (t) => {
  const [alice, bob] = await twoEndpoints()
  t.is(messageData(alice.own, bob.own).length, 229)
  t.is(firstMessageData(alice.own, bob.own, new Uint8Array()).length, 265)
  t.is(bob.read(alice, alice.send(bob, 'hello')), 'hello')
  const state = (end: Endpoint, peer: Endpoint) => {
    const current = findCurrent(end.recordOf(peer))
    if (current === undefined) throw new Error('No session')
    return encodeSessionState(current).length
  }
  t.is(state(alice, bob), 552 + 1_426)
  t.is(state(bob, alice), 552)
  t.is(alice.read(bob, bob.send(alice, 'hello to you')), 'hello to you')
  t.is(state(alice, bob), 552 + 32)
})

test('no two handshakes with one bundle give the same keys', async (t) => {
  const [alice, bob] = await twoEndpoints()
  const bundle = bob.bundle({ oneTime: false, kemOneTime: false })
  const [a, b] = [initiate(primitives, alice.own, bundle, 1), initiate(primitives, alice.own, bundle, 1)]
  t.notDeepEqual(a.secrets.sharedKey, b.secrets.sharedKey)
  t.notDeepEqual(a.header.baseKey, b.header.baseKey)
})

test('nobody starts a session with itself', async (t) => {
  const [alice] = await twoEndpoints()
  t.throws(() => initiate(primitives, alice.own, alice.bundle(), 1), { code: 'NOT_PERMITTED' })
})
