import { hex } from '../../../../client/crypto/bytes.ts'
import { readHeader } from '../../../../client/crypto/sessions/receive.ts'
import { findCurrent } from '../../../../client/crypto/sessions/session-record.ts'
import { sealSignal } from '../../../../client/crypto/signals/signal.ts'
import { ascii } from '../helpers/bytes.ts'
import { twoEndpoints } from '../helpers/endpoint.ts'
import type { BundleChoice, Endpoint } from '../helpers/endpoint.ts'
import { kemDecapsulate } from '../helpers/reference/primitives.ts'
import { withSeed } from '../helpers/seeded-random.ts'

/** In hexadecimal, as all bytes of the vectors. */
type Hex = string

interface VectorDevice {
  readonly user: string
  readonly device: number
  readonly certificate: Hex
  readonly agreementSecret: Hex
}

export interface SessionVector {
  readonly name: string
  readonly alice: VectorDevice
  readonly bob: VectorDevice & {
    readonly signedPreKey: { readonly id: number; readonly secret: Hex }
    readonly oneTimePreKey: { readonly id: number; readonly secret: Hex } | null
    readonly kemPreKey: { readonly id: number; readonly oneTime: boolean; readonly seed: Hex; readonly public: Hex }
  }
  readonly handshake: {
    readonly generation: number
    readonly listEpoch: number
    readonly listHash: Hex
    readonly baseSecret: Hex
    readonly kemRandomness: Hex
    readonly kemSecret: Hex
    readonly header: Hex
    readonly sessionId: Hex
    readonly signalRoot: Hex
  }
  readonly ratchetSecrets: { readonly alice: readonly Hex[]; readonly bob: readonly Hex[] }
  readonly events: readonly SessionEvent[]
  readonly signals: readonly { readonly by: Name; readonly text: string; readonly payload: Hex }[]
  readonly nowMs: number
  readonly records: { readonly alice: Hex; readonly bob: Hex }
}

type Name = 'alice' | 'bob'

export type SessionEvent =
  | { readonly type: 'send'; readonly by: Name; readonly text: string; readonly payload: Hex }
  | { readonly type: 'receive'; readonly by: Name; readonly message: number }

/** Who sends, and which of the messages so far then arrive. */
const SCRIPT: readonly { readonly by: Name; readonly texts: readonly string[]; readonly arrive: readonly number[] }[] =
  [
    { by: 'alice', texts: ['first', 'second', 'third'], arrive: [0, 2] },
    { by: 'bob', texts: ['answer', 'a second answer'], arrive: [4] },
    { by: 'alice', texts: ['', 'x'.repeat(159), 'y'.repeat(160)], arrive: [7, 1, 5] },
    { by: 'bob', texts: ['z'.repeat(2_079), 'z'.repeat(2_080)], arrive: [9, 3, 8] },
    { by: 'alice', texts: ['last'], arrive: [10, 6] },
  ]

class Recorder {
  readonly events: SessionEvent[] = []
  readonly secrets: { alice: Hex[]; bob: Hex[] } = { alice: [], bob: [] }
  readonly #ends: Readonly<Record<Name, Endpoint>>
  readonly #sent: { by: Name; payload: Uint8Array }[] = []

  constructor(alice: Endpoint, bob: Endpoint) {
    this.#ends = { alice, bob }
  }

  send(by: Name, text: string): void {
    const payload = this.#ends[by].send(this.#ends[other(by)], text)
    this.#sent.push({ by, payload })
    this.events.push({ type: 'send', by, text, payload: hex(payload) })
    this.#note(by)
  }

  receive(message: number): void {
    const sent = this.#sent[message]
    if (sent === undefined) throw new RangeError('No such message')
    const by = other(sent.by)
    this.#ends[by].open(this.#ends[sent.by], sent.payload)
    this.events.push({ type: 'receive', by, message })
    this.#note(by)
  }

  get firstPayload(): Uint8Array {
    return this.#sent[0]?.payload ?? new Uint8Array()
  }

  #note(by: Name): void {
    const state = findCurrent(this.#ends[by].recordOf(this.#ends[other(by)]))
    const secret = hex(state?.ratchet.own.secretKey ?? new Uint8Array())
    if (this.secrets[by].at(-1) !== secret) this.secrets[by].push(secret)
  }
}

function other(name: Name): Name {
  return name === 'alice' ? 'bob' : 'alice'
}

function deviceOf({ own }: Endpoint): VectorDevice {
  return {
    user: String(own.address.user),
    device: own.address.device,
    certificate: hex(own.certificate),
    agreementSecret: hex(own.agreementKeys.secretKey),
  }
}

function bobOf(bob: Endpoint, payload: Uint8Array): SessionVector['bob'] {
  const { preKey } = readHeader(payload)
  const kem = preKey && (preKey.kemOneTime ? bob.kemOneTimePreKeys : bob.kemPreKeys).get(preKey.kemPreKeyId)
  const signed = preKey && bob.signedPreKeys.get(preKey.signedPreKeyId)
  if (preKey === undefined || kem === undefined || signed === undefined) throw new RangeError('No such pre-keys')
  const id = preKey.oneTimePreKeyId
  const one = id === undefined ? undefined : bob.oneTimePreKeys.get(id)
  return {
    ...deviceOf(bob),
    signedPreKey: { id: preKey.signedPreKeyId, secret: hex(signed.secretKey) },
    oneTimePreKey: id === undefined || one === undefined ? null : { id, secret: hex(one.secretKey) },
    kemPreKey: {
      id: preKey.kemPreKeyId,
      oneTime: preKey.kemOneTime,
      seed: hex(kem.seed),
      public: hex(kem.publicKey),
    },
  }
}

async function sessionVector(name: string, choice: BundleChoice): Promise<SessionVector> {
  const { result: ends } = await withSeed(`${name}/devices`, twoEndpoints)
  const [alice, bob] = ends
  const { result } = await withSeed(`${name}/pre-keys`, () => bob.bundle(choice))
  bob.bundle = () => result
  const { drawn } = await withSeed(`${name}/start`, () => alice.start(bob))
  const recorder = new Recorder(alice, bob)
  await withSeed(`${name}/first`, () => recorder.send('alice', 'first'))
  const first = recorder.firstPayload
  const receiver = bobOf(bob, first)
  await withSeed(`${name}/messages`, () => {
    let isFirst = true
    for (const { by, texts, arrive } of SCRIPT) {
      for (const text of isFirst ? texts.slice(1) : texts) recorder.send(by, text)
      for (const message of arrive) recorder.receive(message)
      isFirst = false
    }
  })
  const { result: signals } = await withSeed(`${name}/signals`, () => [
    { by: 'alice' as const, text: 'typing', payload: hex(sealSignal(alice.recordOf(bob), ascii('typing'))) },
    { by: 'bob' as const, text: '', payload: hex(sealSignal(bob.recordOf(alice), ascii(''))) },
  ])
  const state = findCurrent(alice.recordOf(bob))
  const { preKey } = readHeader(first)
  if (state === undefined || preKey === undefined) throw new RangeError('No session')
  return {
    name,
    alice: deviceOf(alice),
    bob: receiver,
    handshake: {
      generation: state.generation,
      listEpoch: alice.own.list.epoch,
      listHash: hex(alice.own.list.hash),
      baseSecret: hex(drawn[0] as Uint8Array),
      kemRandomness: hex(drawn[1] as Uint8Array),
      kemSecret: hex(kemDecapsulate(Buffer.from(receiver.kemPreKey.seed, 'hex'), preKey.kemCiphertext)),
      header: hex(first.subarray(0, 1_426)),
      sessionId: hex(state.id),
      signalRoot: hex(state.signalRoot),
    },
    ratchetSecrets: { alice: recorder.secrets.alice, bob: recorder.secrets.bob },
    events: recorder.events,
    signals,
    nowMs: alice.nowMs,
    records: {
      alice: hex(alice.records.values().next().value ?? new Uint8Array()),
      bob: hex(bob.records.values().next().value ?? new Uint8Array()),
    },
  }
}

export async function sessionVectors(): Promise<SessionVector[]> {
  return [
    await sessionVector('all one-time keys', { oneTime: true, kemOneTime: true }),
    await sessionVector('no one-time key', { oneTime: false, kemOneTime: true }),
    await sessionVector('the KEM key of last resort', { oneTime: true, kemOneTime: false }),
    await sessionVector('neither', { oneTime: false, kemOneTime: false }),
  ]
}
