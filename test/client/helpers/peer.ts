import { idBytes, newClientId } from '../../../client/client-id.ts'
import { decodeContent, encodeContent } from '../../../client/content.ts'
import type { Content } from '../../../client/content.ts'
import { textContent } from '../../../client/contents.ts'
import { ByteWriter, concat } from '../../../client/crypto/bytes.ts'
import { signKemPreKey, signPreKey } from '../../../client/crypto/devices/pre-keys.ts'
import type { OwnDevice } from '../../../client/crypto/handshake/own-device.ts'
import type { PreKeySecrets } from '../../../client/crypto/handshake/responder.ts'
import { generateKem } from '../../../client/crypto/primitives/kem.ts'
import type { KemKeyPair } from '../../../client/crypto/primitives/kem.ts'
import type { KeyPair } from '../../../client/crypto/primitives/provider.ts'
import { randomBytes } from '../../../client/crypto/primitives/random.ts'
import { hasSession, openFrom, readHeader } from '../../../client/crypto/sessions/receive.ts'
import { needsBundle, sealFor, startSession } from '../../../client/crypto/sessions/send.ts'
import { EMPTY_RECORD } from '../../../client/crypto/sessions/session-record.ts'
import type { SessionRecord } from '../../../client/crypto/sessions/session-record.ts'
import { openSignal, sealSignal } from '../../../client/crypto/signals/signal.ts'
import { certHash, decodeDeviceCert, encodeDeviceCert } from '../../../client/crypto/wire/device-cert.ts'
import { encodeDeviceList, listHash } from '../../../client/crypto/wire/device-list.ts'
import type { PreKeyHeader } from '../../../client/crypto/wire/pre-key-message.ts'
import {
  decodeKemPreKey,
  decodeOneTimePreKey,
  decodeSignedPreKey,
  encodeKemPreKey,
  encodeOneTimePreKey,
  encodeSignedPreKey,
  KemKind,
} from '../../../client/crypto/wire/pre-keys.ts'
import { encodeRetryReceipt, retryReceiptBody } from '../../../client/crypto/wire/retry-receipt.ts'
import type { RetryReceipt } from '../../../client/crypto/wire/retry-receipt.ts'
import type { TakenKeys } from '../../../client/secrecy/key-server.ts'
import type { WireAddress } from '../../../proto/frames.ts'
import { makeDevice, makePerson, NOW, primitives, withDevices } from '../crypto/helpers/people.ts'
import type { Person, TestDevice } from '../crypto/helpers/people.ts'
import type { KeyStation } from './key-station.ts'

const ONE_TIME_KEYS = 5

/** Somebody whom a client under test talks to: an account with real keys, which the station gives out. */
export class Peer {
  readonly user: number
  readonly station: KeyStation
  readonly devices = new Map<number, PeerDevice>()
  /** When its lists are signed. */
  nowMs = NOW
  #person: Person
  #before: Person

  private constructor(station: KeyStation, person: Person) {
    this.user = person.user
    this.station = station
    this.#person = person
    this.#before = person
  }

  static async create(station: KeyStation, user: number, deviceCount = 1): Promise<Peer> {
    const peer = new Peer(station, await makePerson(user, deviceCount))
    for (const device of peer.#person.devices) await peer.#add(device)
    peer.publishList()
    return peer
  }

  /** Its first device. */
  get phone(): PeerDevice {
    return this.device(1)
  }

  get list(): Uint8Array {
    return encodeDeviceList(this.#person.list)
  }

  get epoch(): number {
    return this.#person.list.epoch
  }

  get accountKey(): Uint8Array {
    return this.#person.account.publicKey
  }

  device(device: number): PeerDevice {
    const found = this.devices.get(device)
    if (found === undefined) throw new RangeError(`There is no device ${device}`)
    return found
  }

  publishList(): void {
    this.station.putList(
      this.list,
      this.#person.devices.map(({ cert }) => encodeDeviceCert(cert)),
    )
  }

  /** Signs a list of these devices, new ones among them; it is not published. */
  async change(...devices: readonly number[]): Promise<void> {
    const chosen: TestDevice[] = []
    for (const device of devices) {
      const known = this.#person.devices.find(({ address }) => address.device === device)
      const one = known ?? (await makeDevice(this.#person.account, { user: this.user, device }))
      if (known === undefined) await this.#add(one)
      chosen.push(one)
    }
    for (const device of this.devices.keys()) if (!devices.includes(device)) this.devices.delete(device)
    this.#before = this.#person
    this.#person = await withDevices(this.#person, chosen, this.nowMs)
  }

  /** Publishes another list of the epoch of its last one, which was not the first. */
  async fork(): Promise<void> {
    this.#person = await withDevices(this.#before, this.#person.devices, this.nowMs + 1)
    this.publishList()
  }

  /** Installs its first device anew, under the same account key. */
  async reinstall(): Promise<void> {
    const phone = await makeDevice(this.#person.account, { user: this.user, device: 1 })
    const others = this.#person.devices.filter(({ address }) => address.device !== 1)
    await this.#add(phone)
    this.#person = await withDevices(this.#person, [phone, ...others])
    this.publishList()
  }

  /** Begins again with one device under another account key. */
  async beginAgain(now = NOW): Promise<void> {
    this.#person = await makePerson(this.user, 1, now)
    this.devices.clear()
    for (const device of this.#person.devices) await this.#add(device)
    this.station.lists.delete(this.user)
    this.publishList()
  }

  async #add(device: TestDevice): Promise<void> {
    const added = new PeerDevice(this, device)
    this.devices.set(device.address.device, added)
    this.station.clear(device.address)
    await added.publishKeys()
  }
}

/** A device that keeps its sessions in memory and speaks the encryption by its pure layers. */
export class PeerDevice {
  readonly address: WireAddress
  readonly signing: KeyPair
  readonly #peer: Peer
  readonly #device: TestDevice
  readonly #signed = new Map<number, KeyPair>()
  readonly #oneTime = new Map<number, KeyPair>()
  readonly #kem = new Map<number, KemKeyPair>()
  #records = new Map<string, SessionRecord>()
  #nextId = 1
  nowMs = NOW

  constructor(peer: Peer, device: TestDevice) {
    this.#peer = peer
    this.#device = device
    this.address = device.address
    this.signing = device.signing
  }

  get certificate(): Uint8Array {
    return encodeDeviceCert(this.#device.cert)
  }

  async publishKeys(oneTime = ONE_TIME_KEYS, createdMs = this.nowMs): Promise<void> {
    const signed = { id: this.#nextId++, keys: primitives.generateDh() }
    this.#signed.set(signed.id, signed.keys)
    const unsigned = { id: signed.id, publicKey: signed.keys.publicKey, createdMs }
    const signedPreKey = encodeSignedPreKey(await signPreKey(primitives, this.address, this.signing, unsigned))
    const lastResort = await this.#makeKem(KemKind.LAST_RESORT)
    const oneTimePreKeys = Array.from({ length: oneTime }, () => {
      const keys = primitives.generateDh()
      const id = this.#nextId++
      this.#oneTime.set(id, keys)
      return encodeOneTimePreKey({ id, publicKey: keys.publicKey })
    })
    const kemPreKeys: Uint8Array[] = []
    for (let i = 0; i < oneTime; i++) kemPreKeys.push(await this.#makeKem(KemKind.ONE_TIME))
    this.#peer.station.put(this.address, { signedPreKey, lastResort, oneTimePreKeys, kemPreKeys })
  }

  async #makeKem(kind: KemKind): Promise<Uint8Array> {
    const keys = generateKem()
    const id = this.#nextId++
    this.#kem.set(id, keys)
    const unsigned = { id, publicKey: keys.publicKey, createdMs: this.nowMs }
    return encodeKemPreKey(await signKemPreKey(primitives, this.address, this.signing, kind, unsigned))
  }

  recordOf({ user, device }: WireAddress): SessionRecord {
    return this.#records.get(`${user}.${device}`) ?? EMPTY_RECORD
  }

  /** As if it had lost its sessions. */
  forget(): void {
    this.#records.clear()
  }

  /** What an older copy of its state would know. */
  remember(): () => void {
    const records = new Map(this.#records)
    return () => {
      this.#records = new Map(records)
    }
  }

  text(to: WireAddress, id: string, text: string): Uint8Array {
    return this.seal(to, textContent({ id, chat: to.user, sentAtMs: this.nowMs, text }))
  }

  /** Encrypts, on a new session where one is due. */
  seal(to: WireAddress, content: Content): Uint8Array {
    const { epoch } = this.#list
    const myList = content.myList ?? { epoch, hash: this.#list.hash.slice(0, 16) }
    return this.sealBytes(to, encodeContent({ ...content, myList }))
  }

  sealBytes(to: WireAddress, plaintext: Uint8Array): Uint8Array {
    if (needsBundle(this.recordOf(to), this.nowMs)) this.start(to)
    const { record, payload } = sealFor(this.recordOf(to), plaintext, this.#list)
    this.#save(to, record)
    return payload
  }

  /** Begins a new session with keys of the station, or with these. */
  start(to: WireAddress, taken: TakenKeys | undefined = this.#peer.station.take(to)): void {
    if (taken === undefined) throw new RangeError(`Device ${to.device} of ${to.user} has no keys`)
    const { certificate, signedPreKey, oneTimePreKey, kemPreKey, kemOneTime } = taken
    const bundle = {
      cert: decodeDeviceCert(certificate),
      certHash: certHash(certificate),
      signedPreKey: decodeSignedPreKey(signedPreKey),
      ...(oneTimePreKey === undefined ? {} : { oneTimePreKey: decodeOneTimePreKey(oneTimePreKey) }),
      kemPreKey: decodeKemPreKey(kemPreKey),
      kemKind: kemOneTime ? KemKind.ONE_TIME : KemKind.LAST_RESORT,
    }
    this.#save(to, startSession(primitives, this.recordOf(to), this.#own, bundle, this.nowMs))
  }

  /** @throws {CryptoError} and then nothing has changed */
  open(from: WireAddress, payload: Uint8Array): Content {
    const record = this.recordOf(from)
    const { preKey } = readHeader(payload)
    const preKeys = preKey === undefined || hasSession(record, preKey) ? undefined : this.#secretsFor(preKey)
    const opened = openFrom(primitives, record, this.#own, { from, payload, nowMs: this.nowMs }, preKeys)
    this.#save(from, opened.record)
    if (opened.plaintext === undefined) throw new RangeError('No content')
    return decodeContent(opened.plaintext)
  }

  /** The text of a message. */
  read(from: WireAddress, payload: Uint8Array): string {
    const { body } = this.open(from, payload)
    return body.type === 'text' ? body.text : body.type
  }

  signal(to: WireAddress, payload: Uint8Array, ms = this.nowMs, id = randomBytes(16)): Uint8Array {
    return sealSignal(this.recordOf(to), new ByteWriter(24 + payload.length).u64(ms).put(id).put(payload).finish())
  }

  /** What a signal says; its time and id come first. */
  openSignal(from: WireAddress, payload: Uint8Array): Uint8Array {
    const plaintext = openSignal(this.recordOf(from), payload)
    if (plaintext === undefined) throw new RangeError('No signal')
    return plaintext.slice(24)
  }

  /** A request to send a message again. */
  async retry(
    asked: WireAddress,
    failedId: string,
    ratchetKey: Uint8Array,
    change: Partial<RetryReceipt> = {},
  ): Promise<Uint8Array> {
    const ms = this.nowMs
    const body = {
      group: false,
      failedId: idBytes(failedId),
      requester: this.address,
      asked,
      ratchetKey,
      ms,
      ...change,
    }
    const signature = await primitives.sign('retry', retryReceiptBody(body), this.signing)
    return encodeRetryReceipt({ ...body, signature })
  }

  get #list(): { epoch: number; hash: Uint8Array } {
    const { epoch, list } = this.#peer
    return { epoch, hash: listHash(list) }
  }

  get #own(): OwnDevice {
    const { cert, agreement } = this.#device
    const { certificate, address } = this
    return { address, identity: cert.identity, certificate, agreementKeys: agreement, list: this.#list }
  }

  #save({ user, device }: WireAddress, record: SessionRecord): void {
    this.#records.set(`${user}.${device}`, record)
  }

  #secretsFor(header: PreKeyHeader): PreKeySecrets | undefined {
    const signed = this.#signed.get(header.signedPreKeyId)
    const kem = this.#kem.get(header.kemPreKeyId)
    const id = header.oneTimePreKeyId
    const one = id === undefined ? undefined : this.#oneTime.get(id)
    if (signed === undefined || kem === undefined || (id !== undefined && one === undefined)) return undefined
    return {
      signedPreKey: { id: header.signedPreKeyId, keys: signed },
      oneTimePreKey: id === undefined || one === undefined ? undefined : { id, keys: one },
      kemPreKey: { id: header.kemPreKeyId, oneTime: header.kemOneTime, keys: kem },
    }
  }
}

/** The same payload with one bit of its end changed. */
export function damaged(payload: Uint8Array): Uint8Array {
  return concat(payload.subarray(0, -1), Uint8Array.of((payload.at(-1) ?? 0) ^ 1))
}

/** A content of a device, for those that are no message. */
export function contentFor(user: number, body: Content['body'], id = newClientId()): Content {
  return { id, sentAtMs: NOW, chat: { type: 'user', user }, body }
}
