import test from 'ava'
import fc from 'fast-check'
import { readHeader } from '../../../../client/crypto/sessions/receive.ts'
import { openSignal } from '../../../../client/crypto/signals/signal.ts'
import { findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import { KemKind } from '../../../../client/crypto/wire/pre-keys.ts'
import type { VerifiedBundle } from '../../../../client/crypto/devices/bundle.ts'
import { ascii } from '../helpers/bytes.ts'
import { twoEndpoints } from '../helpers/endpoint.ts'
import type { Endpoint } from '../helpers/endpoint.ts'
import { join, u32 } from '../helpers/reference/primitives.ts'
import { ReferenceSession } from '../helpers/reference/session.ts'
import type { ReferenceDevice, ReferenceOffer } from '../helpers/reference/session.ts'

function referenceOf({ own }: Endpoint): ReferenceDevice {
  return { ...own.address, certificate: own.certificate, agreementSecret: own.agreementKeys.secretKey }
}

function offerOf(bundle: VerifiedBundle, { own }: Endpoint): ReferenceOffer {
  return {
    certificate: own.certificate,
    spkId: bundle.signedPreKey.id,
    spk: bundle.signedPreKey.publicKey,
    opkId: bundle.oneTimePreKey?.id ?? 0,
    opk: bundle.oneTimePreKey?.publicKey,
    pqId: bundle.kemPreKey.id,
    pq: bundle.kemPreKey.publicKey,
    pqOneTime: bundle.kemKind === KemKind.ONE_TIME,
  }
}

function respondAsReference(bob: Endpoint, payload: Uint8Array): ReferenceSession {
  const { preKey } = readHeader(payload)
  if (preKey === undefined) throw new Error('Not a first message')
  const kem = (preKey.kemOneTime ? bob.kemOneTimePreKeys : bob.kemPreKeys).get(preKey.kemPreKeyId)
  const spk = bob.signedPreKeys.get(preKey.signedPreKeyId)
  if (kem === undefined || spk === undefined) throw new Error('No such pre-key')
  return ReferenceSession.respond(referenceOf(bob), payload, {
    spk: spk.secretKey,
    opk: bob.oneTimePreKeys.get(preKey.oneTimePreKeyId ?? 0)?.secretKey,
    pqSeed: kem.seed,
    pqPublic: kem.publicKey,
  })
}

const turns = fc.array(
  fc.record({ fromReference: fc.boolean(), order: fc.array(fc.nat(50), { minLength: 1, maxLength: 5 }) }),
  { minLength: 1, maxLength: 10 },
)
const choices = { oneTime: fc.boolean(), kemOneTime: fc.boolean() }

interface Side {
  seal(text: string): Uint8Array
  open(payload: Uint8Array): string | undefined
}

/** Each turn one side sends some messages, which arrive in another order. Returns what came out wrong. */
function converse(
  client: Side,
  reference: Side,
  script: readonly { fromReference: boolean; order: readonly number[] }[],
): string[] {
  const wrong: string[] = []
  for (const [turn, { fromReference, order }] of script.entries()) {
    const [from, to] = fromReference ? [reference, client] : [client, reference]
    const sent = order.map((key, i) => ({ key, text: `${turn}/${i}`, payload: from.seal(`${turn}/${i}`) }))
    sent.sort((a, b) => a.key - b.key)
    for (const { text, payload } of sent) if (to.open(payload) !== text) wrong.push(text)
  }
  return wrong
}

function sideOfClient(self: Endpoint, peer: Endpoint): Side {
  return { seal: (text) => self.send(peer, text), open: (payload) => self.read(peer, payload) }
}

function sideOfReference(session: ReferenceSession): Side {
  return { seal: (text) => session.encrypt(ascii(text)), open: (payload) => session.decrypt(payload)?.toString() }
}

test('a second implementation answers sessions that the client starts', async (t) => {
  await fc.assert(
    fc.asyncProperty(turns, fc.record(choices), async (script, choice) => {
      const [alice, bob] = await twoEndpoints()
      alice.start(bob, choice)
      const first = alice.send(bob, 'first')
      const reference = respondAsReference(bob, first)
      const state = findCurrent(alice.recordOf(bob))
      t.deepEqual(reference.keys.id, Buffer.from(state?.id ?? []))
      t.deepEqual(reference.keys.signalRoot, Buffer.from(state?.signalRoot ?? []))
      t.is(reference.decrypt(first)?.toString(), 'first')
      t.deepEqual(converse(sideOfClient(alice, bob), sideOfReference(reference), script), [])
    }),
    { numRuns: 30 },
  )
})

test('the client answers sessions that a second implementation starts', async (t) => {
  await fc.assert(
    fc.asyncProperty(turns, fc.record(choices), async (script, choice) => {
      const [alice, bob] = await twoEndpoints()
      const list = join(u32(alice.own.list.epoch), alice.own.list.hash)
      const reference = ReferenceSession.initiate(referenceOf(alice), offerOf(bob.bundle(choice), bob), 1, list)
      t.is(bob.read(alice, reference.encrypt(ascii('first'))), 'first')
      t.deepEqual(openSignal(bob.recordOf(alice), reference.sealSignal(ascii('typing'))), ascii('typing'))
      t.deepEqual(converse(sideOfClient(bob, alice), sideOfReference(reference), script), [])
    }),
    { numRuns: 30 },
  )
})
