import type { VerifiedBundle } from '../../../../client/crypto/devices/bundle.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import type { OwnDevice } from '../../../../client/crypto/handshake/own-device.ts'
import type { PreKeySecrets } from '../../../../client/crypto/handshake/responder.ts'
import { generateKem } from '../../../../client/crypto/primitives/kem.ts'
import type { KemKeyPair } from '../../../../client/crypto/primitives/kem.ts'
import type { KeyPair } from '../../../../client/crypto/primitives/provider.ts'
import { baseKeyOf, hasSession, openFrom, readHeader } from '../../../../client/crypto/sessions/receive.ts'
import type { OpenedFrom } from '../../../../client/crypto/sessions/receive.ts'
import { needsBundle, sealFor, startSession } from '../../../../client/crypto/sessions/send.ts'
import {
  decodeSessionRecord,
  EMPTY_RECORD,
  encodeSessionRecord,
} from '../../../../client/crypto/sessions/session-record.ts'
import type { SessionRecord } from '../../../../client/crypto/sessions/session-record.ts'
import { certHash, encodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList, listHash } from '../../../../client/crypto/wire/device-list.ts'
import type { PreKeyHeader } from '../../../../client/crypto/wire/pre-key-message.ts'
import { KemKind } from '../../../../client/crypto/wire/pre-keys.ts'
import { ascii } from './bytes.ts'
import { firstDevice, makePerson, NOW, primitives } from './people.ts'
import type { Person, TestDevice } from './people.ts'

const UNSIGNED = new Uint8Array(64)

export interface BundleChoice {
  readonly oneTime: boolean
  readonly kemOneTime: boolean
}

/** A device that keeps its sessions as an SDK does: encoded, one record a peer, one commit a message. */
export class Endpoint {
  readonly device: TestDevice
  readonly own: OwnDevice
  readonly records = new Map<string, Uint8Array>()
  readonly signedPreKeys = new Map<number, KeyPair>()
  readonly oneTimePreKeys = new Map<number, KeyPair>()
  readonly kemPreKeys = new Map<number, KemKeyPair>()
  readonly kemOneTimePreKeys = new Map<number, KemKeyPair>()
  readonly seenBaseKeys = new Set<string>()
  nowMs = NOW
  #lastId = 0

  constructor(device: TestDevice, list: Uint8Array) {
    this.device = device
    this.own = {
      address: device.address,
      identity: device.cert.identity,
      certificate: encodeDeviceCert(device.cert),
      agreementKeys: device.agreement,
      list: { epoch: 1, hash: listHash(list) },
    }
    this.signedPreKeys.set(this.#nextId(), primitives.generateDh())
    this.kemPreKeys.set(this.#nextId(), generateKem())
  }

  static async create(user: number): Promise<Endpoint> {
    return Endpoint.of(await makePerson(user))
  }

  static of(person: Person): Endpoint {
    return new Endpoint(firstDevice(person), encodeDeviceList(person.list))
  }

  /** What the server would give out. The signatures are those of another test. */
  bundle({ oneTime, kemOneTime }: BundleChoice = { oneTime: true, kemOneTime: true }): VerifiedBundle {
    const [signedId, signed] = only(this.signedPreKeys)
    let [kemId, kem] = only(this.kemPreKeys)
    if (kemOneTime) {
      kemId = this.#nextId()
      kem = generateKem()
      this.kemOneTimePreKeys.set(kemId, kem)
    }
    const one = { id: this.#nextId(), keys: primitives.generateDh() }
    if (oneTime) this.oneTimePreKeys.set(one.id, one.keys)
    return {
      cert: this.device.cert,
      certHash: certHash(this.own.certificate),
      signedPreKey: { id: signedId, publicKey: signed.publicKey, createdMs: NOW, suite: 1, signature: UNSIGNED },
      ...(oneTime ? { oneTimePreKey: { id: one.id, publicKey: one.keys.publicKey } } : {}),
      kemPreKey: { id: kemId, publicKey: kem.publicKey, createdMs: NOW, signature: UNSIGNED },
      kemKind: kemOneTime ? KemKind.ONE_TIME : KemKind.LAST_RESORT,
    }
  }

  recordOf(peer: Endpoint): SessionRecord {
    const bytes = this.records.get(keyOf(peer))
    return bytes === undefined ? EMPTY_RECORD : decodeSessionRecord(bytes)
  }

  save(peer: Endpoint, record: SessionRecord): void {
    this.records.set(keyOf(peer), encodeSessionRecord(record))
  }

  start(peer: Endpoint, choice?: BundleChoice): void {
    this.save(peer, startSession(primitives, this.recordOf(peer), this.own, peer.bundle(choice), this.nowMs))
  }

  /** Encrypts, on a new session where one is due. */
  send(peer: Endpoint, text: string, choice?: BundleChoice): Uint8Array {
    if (needsBundle(this.recordOf(peer), this.nowMs)) this.start(peer, choice)
    const sealed = sealFor(this.recordOf(peer), ascii(text), this.own.list)
    this.save(peer, sealed.record)
    return sealed.payload
  }

  /** @throws {CryptoError} and then nothing has changed */
  open(peer: Endpoint, payload: Uint8Array): OpenedFrom {
    const record = this.recordOf(peer)
    const { preKey } = readHeader(payload)
    const preKeys = preKey === undefined || hasSession(record, preKey) ? undefined : this.#secretsFor(preKey)
    const incoming = { from: peer.device.address, payload, nowMs: this.nowMs }
    const opened = openFrom(primitives, record, this.own, incoming, preKeys)
    this.save(peer, opened.record)
    const { consumed } = opened
    if (consumed?.oneTimePreKeyId !== undefined) this.oneTimePreKeys.delete(consumed.oneTimePreKeyId)
    if (consumed?.kemOneTimePreKeyId !== undefined) this.kemOneTimePreKeys.delete(consumed.kemOneTimePreKeyId)
    if (consumed?.baseKey !== undefined) this.seenBaseKeys.add(consumed.baseKey)
    return opened
  }

  read(peer: Endpoint, payload: Uint8Array): string | undefined {
    const { plaintext } = this.open(peer, payload)
    return plaintext && new TextDecoder().decode(plaintext)
  }

  /** All that an SDK would have stored, to compare. */
  snapshot(): string {
    const keys = [this.oneTimePreKeys, this.kemOneTimePreKeys, this.signedPreKeys, this.kemPreKeys]
    const records = [...this.records].map(([key, bytes]) => `${key}=${Buffer.from(bytes).toString('hex')}`)
    return JSON.stringify([keys.map((map) => [...map.keys()]), [...this.seenBaseKeys], records])
  }

  #secretsFor(header: PreKeyHeader): PreKeySecrets | undefined {
    if (this.seenBaseKeys.has(baseKeyOf(header))) throw new CryptoError('REUSED_BASE_KEY', 'It came before')
    const signed = this.signedPreKeys.get(header.signedPreKeyId)
    const kem = (header.kemOneTime ? this.kemOneTimePreKeys : this.kemPreKeys).get(header.kemPreKeyId)
    const id = header.oneTimePreKeyId
    const one = id === undefined ? undefined : this.oneTimePreKeys.get(id)
    if (signed === undefined || kem === undefined || (id !== undefined && one === undefined)) return undefined
    return {
      signedPreKey: { id: header.signedPreKeyId, keys: signed },
      oneTimePreKey: id === undefined || one === undefined ? undefined : { id, keys: one },
      kemPreKey: { id: header.kemPreKeyId, oneTime: header.kemOneTime, keys: kem },
    }
  }

  #nextId(): number {
    this.#lastId += 1
    return this.#lastId
  }
}

function keyOf({ device: { address } }: Endpoint): string {
  return `${address.user}.${address.device}`
}

function only<V>(map: ReadonlyMap<number, V>): [number, V] {
  const [entry] = map
  if (entry === undefined) throw new RangeError('The endpoint has no such key')
  return entry
}

/** Two devices that do not know each other; the first has the lower address. */
export async function twoEndpoints(): Promise<[Endpoint, Endpoint]> {
  return [await Endpoint.create(15_550_000_001), await Endpoint.create(15_550_000_002)]
}
