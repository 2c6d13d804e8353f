import { readFile } from 'node:fs/promises'
import { createHash, createPrivateKey, sign, verify, createPublicKey } from 'node:crypto'
import { join as joinPath } from 'node:path'
import test from 'ava'
import { dhPublic, hmac, join, kemPublic, label, openWith, sealWith, u64 } from './helpers/reference/primitives.ts'
import { ReferenceSession } from './helpers/reference/session.ts'
import { allVectors, toJson, VECTORS_DIRECTORY } from './vectors/all-vectors.ts'
import type { SafetyNumberVector } from './vectors/safety-number-vectors.ts'
import type { SealVector } from './vectors/seal-vectors.ts'
import type { SenderKeyVector } from './vectors/sender-key-vectors.ts'
import type { SessionVector } from './vectors/session-vectors.ts'

const read = (name: string): Promise<string> => readFile(joinPath(VECTORS_DIRECTORY, name), 'utf8')
const bytes = (hex: string): Buffer => Buffer.from(hex, 'hex')

test.serial('the client makes exactly the published vectors', async (t) => {
  for (const [name, vectors] of await allVectors()) t.is(toJson(vectors), await read(name), name)
})

test('a second implementation seals and opens the published messages', async (t) => {
  const vectors = JSON.parse(await read('seal.json')) as SealVector[]
  t.is(vectors.length, 8)
  for (const { key, label: name, ad, head, nonce, plaintext, message } of vectors) {
    t.is(sealWith(bytes(key), name, bytes(ad), bytes(head), bytes(plaintext), bytes(nonce)).toString('hex'), message)
    t.is(openWith(bytes(key), name, bytes(ad), bytes(head).length, bytes(message))?.toString('hex'), plaintext)
  }
})

function referenceSessions(vector: SessionVector): { alice: ReferenceSession; bob: ReferenceSession } {
  const { alice, bob, handshake, ratchetSecrets, events } = vector
  const certificates = { alice: bytes(alice.certificate), bob: bytes(bob.certificate) }
  const secretsFrom = (secrets: readonly string[]): (() => Buffer) => {
    let next = 0
    return () => bytes(secrets[next++] ?? '')
  }
  const opk = bob.oneTimePreKey && bytes(bob.oneTimePreKey.secret)
  const offer = {
    certificate: certificates.bob,
    spkId: bob.signedPreKey.id,
    spk: dhPublic(bytes(bob.signedPreKey.secret)),
    opkId: bob.oneTimePreKey?.id ?? 0,
    opk: opk ? dhPublic(opk) : undefined,
    pqId: bob.kemPreKey.id,
    pq: bytes(bob.kemPreKey.public),
    pqOneTime: bob.kemPreKey.oneTime,
  }
  const list = Buffer.alloc(4)
  list.writeUInt32BE(handshake.listEpoch)
  const [first] = events
  if (first?.type !== 'send') throw new Error('The first event is no message')
  return {
    alice: ReferenceSession.initiate(
      {
        user: Number(alice.user),
        device: alice.device,
        certificate: certificates.alice,
        agreementSecret: bytes(alice.agreementSecret),
      },
      offer,
      handshake.generation,
      join(list, bytes(handshake.listHash)),
      {
        baseSecret: bytes(handshake.baseSecret),
        kem: { ciphertext: bytes(handshake.header).subarray(302, 1_390), sharedSecret: bytes(handshake.kemSecret) },
        nextSecret: secretsFrom(ratchetSecrets.alice),
      },
    ),
    bob: ReferenceSession.respond(
      {
        user: Number(bob.user),
        device: bob.device,
        certificate: certificates.bob,
        agreementSecret: bytes(bob.agreementSecret),
      },
      bytes(first.payload),
      {
        spk: bytes(bob.signedPreKey.secret),
        opk: opk ?? undefined,
        pqSeed: bytes(bob.kemPreKey.seed),
        pqPublic: bytes(bob.kemPreKey.public),
      },
      secretsFrom(ratchetSecrets.bob),
    ),
  }
}

test('a second implementation makes and opens every message of the published sessions', async (t) => {
  const vectors = JSON.parse(await read('session.json')) as SessionVector[]
  t.is(vectors.length, 4)
  for (const vector of vectors) {
    t.is(kemPublic(bytes(vector.bob.kemPreKey.seed)).toString('hex'), vector.bob.kemPreKey.public)
    const sessions = referenceSessions(vector)
    for (const { keys } of [sessions.alice, sessions.bob]) {
      t.is(keys.id.toString('hex'), vector.handshake.sessionId)
      t.is(keys.signalRoot.toString('hex'), vector.handshake.signalRoot)
    }
    const sent: { text: string; payload: Buffer }[] = []
    for (const event of vector.events) {
      if (event.type === 'send') {
        const payload = bytes(event.payload)
        const nonceAt = payload[1] === 3 ? 1_430 + 42 : 42
        const made = sessions[event.by].encrypt(Buffer.from(event.text), payload.subarray(nonceAt, nonceAt + 24))
        t.is(made.toString('hex'), event.payload)
        sent.push({ text: event.text, payload })
      } else {
        const message = sent[event.message]
        t.is(message && sessions[event.by].decrypt(message.payload)?.toString(), message?.text)
      }
    }
    for (const { by, text, payload } of vector.signals) {
      const made = sessions[by].sealSignal(Buffer.from(text), bytes(payload).subarray(2, 26))
      t.is(made.toString('hex'), payload)
    }
  }
})

const ED25519_SECRET = bytes('302e020100300506032b657004220420')
const ED25519_PUBLIC = bytes('302a300506032b6570032100')

test('a second implementation follows the published sender chain', async (t) => {
  const [vector] = JSON.parse(await read('sender-key.json')) as SenderKeyVector[]
  if (vector === undefined) throw new Error('No vector')
  const distribution = bytes(vector.distribution)
  t.is(distribution.length, 126)
  let chainKey = distribution.subarray(62, 94)
  const seed = createPrivateKey({ key: join(ED25519_SECRET, bytes(vector.signingSeed)), format: 'der', type: 'pkcs8' })
  const signPublic = createPublicKey({
    key: join(ED25519_PUBLIC, distribution.subarray(94)),
    format: 'der',
    type: 'spki',
  })
  const device = Buffer.alloc(4)
  device.writeUInt32BE(vector.device)
  const address = join(u64(Number(vector.user)), device)
  const ad = join(label('skm-ad'), address)
  for (const [iteration, { text, message }] of vector.messages.entries()) {
    const whole = bytes(message)
    const head = Buffer.alloc(4)
    head.writeUInt32BE(iteration)
    const [unsigned, signature] = [whole.subarray(0, -64), whole.subarray(-64)]
    t.true(verify(null, join(label('skm'), address, unsigned), signPublic, signature))
    const key = hmac(chainKey, Buffer.of(1))
    chainKey = hmac(chainKey, Buffer.of(2))
    t.is(openWith(key, 'skm-mk', ad, 30, unsigned)?.toString(), text)
    const prefix = join(Buffer.of(1, 7), distribution.subarray(2, 22), distribution.subarray(54, 58), head)
    const made = sealWith(key, 'skm-mk', ad, prefix, Buffer.from(text), unsigned.subarray(30, 54))
    t.is(join(made, sign(null, join(label('skm'), address, made), seed)).toString('hex'), message)
  }
  t.true(vector.state.includes(chainKey.toString('hex')))
})

test('a second implementation finds the published safety numbers', async (t) => {
  const vectors = JSON.parse(await read('safety-number.json')) as SafetyNumberVector[]
  t.is(vectors.length, 3)
  for (const { accounts, number, qr } of vectors) {
    const digits: string[] = []
    for (const account of accounts) {
      const key = join(Buffer.of(6), bytes(account.accountKey))
      let hash = createHash('sha512')
        .update(join(Buffer.of(0, 0), key, u64(Number(account.user)), key))
        .digest()
      for (let i = 0; i < 5_199; i++) hash = createHash('sha512').update(hash).update(key).digest()
      t.is(hash.subarray(0, 32).toString('hex'), account.fingerprint)
      let text = ''
      for (let at = 0; at < 30; at += 5) text += String(hash.readUIntBE(at, 5) % 100_000).padStart(5, '0')
      t.is(text, account.digits)
      digits.push(text)
    }
    t.is(digits.sort().join(''), number)
    t.is(qr, `0158${accounts[0].fingerprint}${accounts[1].fingerprint}`)
  }
})
