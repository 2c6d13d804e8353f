import type { WireAddress } from '../../../proto/frames.ts'
import { equal } from '../bytes.ts'
import { certify, verifyAsDevice } from '../devices/certificate.ts'
import { listedDevice, signNextList } from '../devices/device-list.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { encodeDeviceCert } from '../wire/device-cert.ts'
import type { CertBody } from '../wire/device-cert.ts'
import { encodeDeviceList, listHash, MAX_DEVICES } from '../wire/device-list.ts'
import type { DeviceList } from '../wire/device-list.ts'
import { LINKING_GRANT, LINKING_OFFER, LINKING_REQUEST } from '../wire/linking-box.ts'
import { encodeLinkingGrant } from '../wire/linking-grant.ts'
import { encodeLinkingOffer } from '../wire/linking-offer.ts'
import { decodeLinkingQr } from '../wire/linking-qr.ts'
import { decodeLinkingRequest } from '../wire/linking-request.ts'
import { deriveLinkingKeys, linkingDigits, openLinking, sealLinking } from './linking-keys.ts'
import type { LinkingKeys } from './linking-keys.ts'

// Linking as the primary sees it: offerLinking, readRequest, the user's consent, grantLinking. Each step takes the state
// that the step before gave, once; a step that throws ends the linking, as does a message more than there are.

/** What the primary gives the new device, all its own. */
export interface OfferedDevice {
  /** What the server reserved for the new device. */
  readonly device: number
  /** 32 bytes. */
  readonly linkToken: Uint8Array
  /** The newest of the account. */
  readonly list: DeviceList
  /** The user agreed, in plain words, that the operator of a server may read what this device gets. */
  readonly allowHosted: boolean
  readonly nowMs: number
}

/** Waits for the request. */
export interface SentOffer {
  readonly linkingKeys: LinkingKeys
  readonly address: WireAddress
  readonly hosted: boolean
  readonly createdMs: number
  readonly list: DeviceList
}

/** Waits for the user, who compares the digits and the name. */
export interface ReadRequest {
  readonly linkingKeys: LinkingKeys
  readonly list: DeviceList
  readonly body: CertBody
  readonly deviceSignature: Uint8Array
}

/**
 * @param qr - the bytes of the QR code; {@link decodeLinkingQr} says whether consent to a hosted device is needed
 * @returns with the message to send, and the digits to show
 * @throws {CryptoError} MALFORMED, UNKNOWN_VERSION; NOT_PERMITTED for a hosted device without consent, or a ninth one
 */
export function offerLinking(
  primitives: Primitives,
  qr: Uint8Array,
  offered: OfferedDevice,
): { state: SentOffer; rendezvousId: Uint8Array; message: Uint8Array; digits: string } {
  const { device, linkToken, list, allowHosted, nowMs } = offered
  const { hosted, rendezvousId, linkSecret, publicKey } = decodeLinkingQr(qr)
  if (hosted && !allowHosted) throw new CryptoError('NOT_PERMITTED', 'A hosted device needs consent')
  if (list.devices.length >= MAX_DEVICES) throw new CryptoError('NOT_PERMITTED', `${MAX_DEVICES} devices are the most`)
  if (device === 1 || list.devices.some((entry) => entry.device === device))
    malformed(`Device ${device} is listed already`)
  const keys = primitives.generateDh()
  const meeting = { rendezvousId, linkSecret, newDeviceKey: publicKey, primaryKey: keys.publicKey }
  const linkingKeys = deriveLinkingKeys(primitives, keys.secretKey, publicKey, meeting)
  const address = { user: list.user, device }
  const offer = encodeLinkingOffer({ address, createdMs: nowMs, hosted, accountKey: list.accountKey, linkToken, list })
  return {
    state: { linkingKeys, address, hosted, createdMs: nowMs, list },
    rendezvousId,
    message: sealLinking(LINKING_OFFER, offer, linkingKeys.fromPrimary, keys.publicKey),
    digits: linkingDigits(linkingKeys),
  }
}

/**
 * @returns with the new device's own name, which it may have chosen to deceive
 * @throws {CryptoError} BAD_TAG, BAD_SIGNATURE, MALFORMED, UNKNOWN_VERSION
 */
export async function readRequest(
  primitives: Primitives,
  state: SentOffer,
  message: Uint8Array,
): Promise<{ state: ReadRequest; name: string }> {
  const { linkingKeys, address, hosted, createdMs, list } = state
  const request = decodeLinkingRequest(openLinking(LINKING_REQUEST, message, linkingKeys.fromNewDevice))
  const { registrationId, signingKey, agreementKey, deviceSignature, name } = request
  const identity = { accountKey: list.accountKey, signingKey, agreementKey }
  const body: CertBody = { address, hosted, registrationId, identity, createdMs }
  await verifyAsDevice(primitives, body, deviceSignature)
  return { state: { linkingKeys, list, body, deviceSignature }, name }
}

/**
 * After the user's consent. The list is to be at the server before the message is sent.
 *
 * @param accountKeys - the account's, with its secret
 * @throws {CryptoError} NOT_PERMITTED when these are not the keys of the account
 */
export async function grantLinking(
  primitives: Primitives,
  state: ReadRequest,
  accountKeys: KeyPair,
  nowMs: number,
): Promise<{ message: Uint8Array; cert: Uint8Array; list: Uint8Array }> {
  const { linkingKeys, body, deviceSignature, list: before } = state
  if (!equal(accountKeys.publicKey, before.accountKey)) throw new CryptoError('NOT_PERMITTED', "Another account's keys")
  const cert = await certify(primitives, body, deviceSignature, accountKeys)
  const certBytes = encodeDeviceCert(cert)
  const tip = { epoch: before.epoch, hash: listHash(encodeDeviceList(before)) }
  const devices = [...before.devices, listedDevice(certBytes)]
  const list = await signNextList(primitives, accountKeys, before.user, tip, devices, nowMs)
  const message = sealLinking(LINKING_GRANT, encodeLinkingGrant({ cert, list }), linkingKeys.fromPrimary)
  return { message, cert: certBytes, list: encodeDeviceList(list) }
}
