import { ByteReader, ByteWriter, concat, isZero, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { sha256 } from '../primitives/hash.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import { readDevice, readUser } from './address.ts'
import { readHead, VERSION } from './head.ts'
import { readRegistrationId } from './registration-id.ts'

const TYPE = 0x22
const HEAD_BYTES = 2 + 8 + KEY_BYTES + 4 + 8 + 8 + KEY_BYTES + 1
const ENTRY_BYTES = 4 + 4 + KEY_BYTES

export const MAX_DEVICES = 8

export interface ListedDevice {
  readonly device: number
  readonly registrationId: number
  readonly certHash: Uint8Array
}

/**
 * What the account key signs: 01 22 ‖ user ‖ AIK ‖ epoch ‖ createdMs ‖ expiresMs ‖ previousHash ‖ n ‖ n × (device ‖
 * registrationId ‖ certificate hash), 95 + 40 n bytes.
 */
export interface ListBody {
  readonly user: number
  readonly accountKey: Uint8Array
  /** 1, 2, 3 … */
  readonly epoch: number
  readonly createdMs: number
  readonly expiresMs: number
  /** Of the list before; zeros in the first. */
  readonly previousHash: Uint8Array
  /** 1 to 8, by ascending number. */
  readonly devices: readonly ListedDevice[]
}

/** The devices of an account: the server can neither add one nor hide that one was removed for long. */
export interface DeviceList extends ListBody {
  readonly signature: Uint8Array
}

export function listBody({ user, accountKey, epoch, createdMs, expiresMs, ...rest }: ListBody): Uint8Array {
  const writer = new ByteWriter(HEAD_BYTES + rest.devices.length * ENTRY_BYTES)
  writer.u8(VERSION).u8(TYPE).u64(user).put(accountKey).u32(epoch).u64(createdMs).u64(expiresMs)
  writer.put(rest.previousHash).u8(rest.devices.length)
  for (const entry of rest.devices) writer.u32(entry.device).u32(entry.registrationId).put(entry.certHash)
  return writer.finish()
}

export function encodeDeviceList(list: DeviceList): Uint8Array {
  return concat(listBody(list), list.signature)
}

/** Its signature and times are not judged here. @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeDeviceList(bytes: Uint8Array): DeviceList {
  const reader = new ByteReader(bytes)
  readHead(reader, TYPE)
  const user = readUser(reader)
  const accountKey = reader.take(KEY_BYTES)
  const epoch = reader.u32()
  const createdMs = reader.u64()
  const expiresMs = reader.u64()
  const previousHash = reader.take(KEY_BYTES)
  if (epoch === 0 || (epoch === 1 && !isZero(previousHash))) malformed('Not the beginning of a chain of lists')
  const devices = readDevices(reader)
  const signature = reader.take(SIGNATURE_BYTES)
  reader.end()
  return { user, accountKey, epoch, createdMs, expiresMs, previousHash, devices, signature }
}

function readDevices(reader: ByteReader): ListedDevice[] {
  const count = reader.u8()
  if (count === 0 || count > MAX_DEVICES) malformed(`${count} devices in a list`)
  const devices: ListedDevice[] = []
  let last = 0
  for (let i = 0; i < count; i++) {
    const device = readDevice(reader)
    if (device <= last) malformed('The devices of a list are not in ascending order')
    devices.push({ device, registrationId: readRegistrationId(reader), certHash: reader.take(KEY_BYTES) })
    last = device
  }
  return devices
}

/** Names a list: of all its bytes, the signature included. */
export function listHash(bytes: Uint8Array): Uint8Array {
  return sha256(bytes)
}
