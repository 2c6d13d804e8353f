import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import type { WireAddress } from '../../proto/frames.ts'
import { hasPassed } from '../clock.ts'
import type { Clock } from '../clock.ts'
import { decodeLink } from '../crypto/devices/accept-lists.ts'
import { isRefreshDue, listedDevice, signNextList } from '../crypto/devices/device-list.ts'
import { CryptoError } from '../crypto/errors.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import { decodeDeviceCert } from '../crypto/wire/device-cert.ts'
import { encodeDeviceList } from '../crypto/wire/device-list.ts'
import { notByThisClock } from '../clock-error.ts'
import { ParleyError } from '../errors.ts'
import { decodeRecord, encodeRecord, keys } from '../records.ts'
import type { Transaction } from '../store.ts'
import type { CheckedClock } from '../server-clock.ts'
import { findTokenAddress } from '../token-address.ts'
import type { FirstKeys, KeyServer, NewKeys } from './key-server.ts'
import { installDevice, makePrimary, STOCK } from './new-device.ts'
import type { KnownAccount, OwnSecrets } from './new-device.ts'
import { newPeer, readPeer, writePeer } from './peer.ts'
import type { Peer } from './peer.ts'
import { makeOneTime, makeRotated } from './pre-key-store.ts'
import type { SelfHolder } from './secrets.ts'
import { readSelf, writeSelf } from './self.ts'
import type { Self } from './self.ts'

/** The server is given more keys when it has fewer than this of a sort. */
const LOW_STOCK = 20
/** Whoever adds a device to the account should not stay unnoticed for long. */
const ASK_OWN_EVERY_MS = 24 * 3600 * 1000
const ROTATE_AFTER_MS = 3 * 24 * 3600 * 1000

/** What has been made and the server does not have yet. */
interface Unpublished {
  readonly list?: string
  readonly certificates: readonly string[]
  readonly signedPreKey?: string
  readonly lastResort?: string
  readonly oneTimePreKeys: readonly string[]
  readonly kemPreKeys: readonly string[]
}

export interface OwnKeysParts {
  readonly primitives: Primitives
  readonly server: KeyServer
  readonly clock: CheckedClock
  inStore<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
}

/** What makes keys: any clock will do, since the server refuses those of a wrong one. */
export type KeyMaker = Pick<OwnKeysParts, 'primitives'> & { readonly clock: Clock }

/** The keys of this device, from their making until the server has their public halves, and after. */
export class OwnKeys implements SelfHolder {
  readonly #parts: OwnKeysParts
  #self: Self

  constructor(parts: OwnKeysParts, self: Self) {
    this.#parts = parts
    this.#self = self
  }

  /** Takes what another user of the store has written. */
  async reload(transaction: Transaction): Promise<void> {
    this.#self = (await readSelf(transaction)) ?? this.#self
  }

  get current(): Self {
    return this.#self
  }

  write(transaction: Transaction, self: Self): void {
    this.#self = self
    writeSelf(transaction, self)
  }

  /** Gives the server what it does not have yet. */
  async publish(): Promise<void> {
    const { inStore, server } = this.#parts
    const unpublished = await inStore(readUnpublished)
    if (unpublished === undefined) return
    if (unpublished.list !== undefined) await server.putList(unpublished.list, unpublished.certificates)
    await server.put(unpublished.keys)
    await inStore(async (transaction) => transaction.delete(keys.unpublished))
  }

  /** Makes new one-time keys if the server has few left, and new signed ones if those are old, and publishes them. */
  async renew(): Promise<void> {
    const { inStore, server, primitives, clock } = this.#parts
    const stock = await server.stock()
    const counts = {
      oneTime: stock.oneTimePreKeys < LOW_STOCK ? STOCK.oneTime - stock.oneTimePreKeys : 0,
      kem: stock.kemPreKeys < LOW_STOCK ? STOCK.kem : 0,
    }
    const make = async (transaction: Transaction): Promise<void> => {
      const now = clock.now()
      // What could not be published before goes first.
      if ((await transaction.get(keys.unpublished)) !== undefined) return
      const stocked = await makeOneTime(primitives, transaction, this.current, counts, now)
      const isDue = hasPassed(stocked.self.rotatedAt, ROTATE_AFTER_MS, now)
      const rotated = isDue ? await makeRotated(primitives, transaction, stocked.self, now) : undefined
      if (counts.oneTime + counts.kem === 0 && rotated === undefined) return
      this.write(transaction, rotated?.self ?? stocked.self)
      writeUnpublished(transaction, { ...stocked.made, ...rotated?.made }, undefined, [])
    }
    try {
      await inStore(make)
    } catch (error) {
      // What the store did not take was not made.
      await inStore((transaction) => this.reload(transaction))
      throw error
    }
    await this.publish()
  }

  get isRotationDue(): boolean {
    return hasPassed(this.current.rotatedAt, ROTATE_AFTER_MS, this.#parts.clock.now())
  }

  /**
   * Looks at the list of this account: the primary signs a new one before it is too old to be believed. Returns whether the server
   * should be asked for it.
   */
  async checkList(): Promise<boolean> {
    const { inStore, clock } = this.#parts
    const own = await inStore((transaction) => requireOwn(transaction, this.current))
    const isDue = this.current.account !== undefined && isRefreshDue(own.list, clock.now())
    if (isDue) await this.changeList((devices) => devices)
    return hasPassed(own.facts.askedAt, ASK_OWN_EVERY_MS, clock.now())
  }

  /**
   * Signs and publishes the next list.
   *
   * @param change - from the certificates of the present list to those of the next one
   * @throws {ParleyError} NOT_PRIMARY on a device without the account key
   */
  async changeList(change: (certificates: readonly Uint8Array[]) => readonly Uint8Array[]): Promise<Peer> {
    const { inStore, primitives, clock, server } = this.#parts
    const { account, address } = this.current
    if (account === undefined) throw new ParleyError('NOT_PRIMARY', 'Only the primary device can change the devices')
    if (!clock.isRight) throw notByThisClock()
    const before = await inStore((transaction) => requireOwn(transaction, this.current))
    const old = [...before.devices.values()].map(({ bytes }) => bytes)
    const certificates = change(old)
    const entries = certificates.map(listedDevice)
    const previous = { epoch: before.list.epoch, hash: before.hash }
    const list = await signNextList(primitives, account, address.user, previous, entries, clock.now())
    const bytes = encodeDeviceList(list)
    await server.putList(
      bytes,
      certificates.filter((one) => !old.includes(one)),
    )
    return inStore(async (transaction) => {
      const devices = certificates.map((one) => ({ cert: decodeDeviceCert(one), bytes: one }))
      const own = newPeer(decodeLink(bytes), devices, clock.now())
      writePeer(transaction, own)
      return own
    })
  }
}

/** Makes the keys of a primary device in the store; they are unpublished. @param known - the account that goes on */
export async function makeKeys(
  { primitives, clock }: KeyMaker,
  transaction: Transaction,
  address: WireAddress,
  { hosted = false, known }: { readonly hosted?: boolean; readonly known?: KnownAccount | undefined } = {},
): Promise<{ readonly self: Self; readonly keys: FirstKeys }> {
  const secrets = await makePrimary(primitives, address, hosted, known, clock.now())
  return installKeys({ primitives, clock }, transaction, secrets)
}

/**
 * The keys of a device that was registered without any.
 *
 * @throws {ParleyError} INVALID_TOKEN
 */
export async function makeKeysFor(token: string, parts: KeyMaker, transaction: Transaction): Promise<Self> {
  const address = findTokenAddress(token)
  if (address?.device !== 1) throw new ParleyError('INVALID_TOKEN', 'Not a token of a primary device')
  return (await makeKeys(parts, transaction, address)).self
}

/** Takes these secrets for those of this device; its public keys are unpublished. */
export async function installKeys(
  { primitives, clock }: KeyMaker,
  transaction: Transaction,
  secrets: OwnSecrets,
): Promise<{ readonly self: Self; readonly keys: FirstKeys }> {
  const installed = await installDevice(primitives, transaction, secrets, clock.now())
  writeSelf(transaction, installed.self)
  writeUnpublished(transaction, installed.keys, secrets.list, [secrets.certificate])
  return installed
}

/** The server has all that was made. */
export function markPublished(transaction: Transaction): void {
  transaction.delete(keys.unpublished)
}

async function requireOwn(transaction: Transaction, { address }: Self): Promise<Peer> {
  const own = await readPeer(transaction, address.user)
  if (own === undefined) throw new CryptoError('CORRUPT_STATE', 'The own device list cannot be read')
  return own
}

function writeUnpublished(
  transaction: Transaction,
  { signedPreKey, lastResort, oneTimePreKeys, kemPreKeys }: NewKeys,
  list: Uint8Array | undefined,
  certificates: readonly Uint8Array[],
): void {
  const stored: Unpublished = {
    ...(list === undefined ? {} : { list: encodeBase64(list) }),
    certificates: certificates.map(encodeBase64),
    ...(signedPreKey === undefined ? {} : { signedPreKey: encodeBase64(signedPreKey) }),
    ...(lastResort === undefined ? {} : { lastResort: encodeBase64(lastResort) }),
    oneTimePreKeys: oneTimePreKeys.map(encodeBase64),
    kemPreKeys: kemPreKeys.map(encodeBase64),
  }
  transaction.put(keys.unpublished, encodeRecord(stored))
}

async function readUnpublished(
  transaction: Transaction,
): Promise<{ list: Uint8Array | undefined; certificates: Uint8Array[]; keys: NewKeys } | undefined> {
  const record = decodeRecord<Unpublished>(await transaction.get(keys.unpublished))
  if (record === undefined) return undefined
  const { list, certificates, signedPreKey, lastResort, oneTimePreKeys, kemPreKeys } = record.json
  return {
    list: list === undefined ? undefined : bytesOf(list),
    certificates: certificates.map(bytesOf),
    keys: {
      ...(signedPreKey === undefined ? {} : { signedPreKey: bytesOf(signedPreKey) }),
      ...(lastResort === undefined ? {} : { lastResort: bytesOf(lastResort) }),
      oneTimePreKeys: oneTimePreKeys.map(bytesOf),
      kemPreKeys: kemPreKeys.map(bytesOf),
    },
  }
}

function bytesOf(text: string): Uint8Array {
  return findBase64(text) ?? new Uint8Array(0)
}
