import { ByteReader, concat } from '../bytes.ts'
import { decodeDeviceCert, DEVICE_CERT_BYTES, encodeDeviceCert } from './device-cert.ts'
import type { DeviceCert } from './device-cert.ts'
import { decodeDeviceList, encodeDeviceList } from './device-list.ts'
import type { DeviceList } from './device-list.ts'
import { readHead, VERSION } from './head.ts'
import { LINKING_GRANT } from './linking-box.ts'

/** What makes the new device one of the account: 01 53 ‖ its certificate ‖ the device list that names it. */
export interface LinkingGrant {
  readonly cert: DeviceCert
  readonly list: DeviceList
}

export function encodeLinkingGrant({ cert, list }: LinkingGrant): Uint8Array {
  return concat(Uint8Array.of(VERSION, LINKING_GRANT), encodeDeviceCert(cert), encodeDeviceList(list))
}

/** @throws {CryptoError} MALFORMED, UNKNOWN_VERSION */
export function decodeLinkingGrant(bytes: Uint8Array): LinkingGrant {
  const reader = new ByteReader(bytes)
  readHead(reader, LINKING_GRANT)
  const cert = decodeDeviceCert(reader.take(DEVICE_CERT_BYTES))
  const list = decodeDeviceList(reader.take(reader.left))
  return { cert, list }
}
