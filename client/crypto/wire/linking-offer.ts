import type { WireAddress } from '../../../proto/frames.ts'
import { ByteReader, ByteWriter, KEY_BYTES } from '../bytes.ts'
import { malformed } from '../errors.ts'
import { ADDRESS_BYTES, encodeAddress, readAddress } from './address.ts'
import { decodeDeviceList, encodeDeviceList } from './device-list.ts'
import type { DeviceList } from './device-list.ts'
import { readFlags, readHead, VERSION } from './head.ts'
import { LINKING_OFFER } from './linking-box.ts'

const HOSTED = 1
const TOKEN_BYTES = 32
const HEAD_BYTES = 2 + ADDRESS_BYTES + 8 + 1 + KEY_BYTES + TOKEN_BYTES

/**
 * What the primary tells the new device: 01 51 ‖ address ‖ createdMs ‖ flags ‖ AIK ‖ linkToken ‖ its device list, 87
 * bytes and the list.
 */
export interface LinkingOffer {
  /** The new device's. */
  readonly address: WireAddress
  /** Of the new device's certificate. */
  readonly createdMs: number
  readonly hosted: boolean
  readonly accountKey: Uint8Array
  /** Lets one device claim the address once. */
  readonly linkToken: Uint8Array
  readonly list: DeviceList
}

export function encodeLinkingOffer(offer: LinkingOffer): Uint8Array {
  const list = encodeDeviceList(offer.list)
  return new ByteWriter(HEAD_BYTES + list.length)
    .u8(VERSION)
    .u8(LINKING_OFFER)
    .put(encodeAddress(offer.address))
    .u64(offer.createdMs)
    .u8(offer.hosted ? HOSTED : 0)
    .put(offer.accountKey)
    .put(offer.linkToken)
    .put(list)
    .finish()
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeLinkingOffer(bytes: Uint8Array): LinkingOffer {
  const reader = new ByteReader(bytes)
  readHead(reader, LINKING_OFFER)
  const address = readAddress(reader)
  if (address.device === 1) malformed('Device 1 is never linked')
  const createdMs = reader.u64()
  const hosted = readFlags(reader, HOSTED) === HOSTED
  const accountKey = reader.take(KEY_BYTES)
  const linkToken = reader.take(TOKEN_BYTES)
  const list = decodeDeviceList(reader.take(reader.left))
  return { address, createdMs, hosted, accountKey, linkToken, list }
}
