import type { WireAddress } from '../../../proto/frames.ts'
import { equal } from '../bytes.ts'
import { signAsDevice } from '../devices/certificate.ts'
import { checkCert, verifyList } from '../devices/device-list.ts'
import { CryptoError, malformed } from '../errors.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { randomBytes, randomPositive31 } from '../primitives/random.ts'
import { encodeCertBody, encodeDeviceCert } from '../wire/device-cert.ts'
import type { CertBody } from '../wire/device-cert.ts'
import { encodeDeviceList, listHash } from '../wire/device-list.ts'
import type { DeviceList } from '../wire/device-list.ts'
import { decodeLinkingBox, LINKING_GRANT, LINKING_OFFER, LINKING_REQUEST } from '../wire/linking-box.ts'
import { decodeLinkingGrant } from '../wire/linking-grant.ts'
import { decodeLinkingOffer } from '../wire/linking-offer.ts'
import type { LinkingOffer } from '../wire/linking-offer.ts'
import { encodeLinkingQr } from '../wire/linking-qr.ts'
import { encodeLinkingRequest } from '../wire/linking-request.ts'
import { deriveLinkingKeys, linkingDigits, openLinking, sealLinking } from './linking-keys.ts'
import type { LinkingKeys } from './linking-keys.ts'

// Linking as the new device sees it: showQr, answerOffer, acceptGrant. Each step takes the state that the step before
// gave, once; a step that throws ends the linking, as does a message more than the three there are.

/** Waits for the offer. */
export interface ShownQr {
  readonly hosted: boolean
  readonly rendezvousId: Uint8Array
  readonly linkSecret: Uint8Array
  readonly keys: KeyPair
}

/** Waits for the grant. */
export interface AnsweredOffer {
  readonly linkingKeys: LinkingKeys
  readonly offer: LinkingOffer
  readonly body: CertBody
  readonly deviceSignature: Uint8Array
  readonly signing: KeyPair
  readonly agreement: KeyPair
}

/** A device that is linked but for claiming its token. */
export interface LinkedDevice {
  readonly address: WireAddress
  readonly registrationId: number
  readonly signing: KeyPair
  readonly agreement: KeyPair
  readonly accountKey: Uint8Array
  /** Encoded, as is the list that names it. */
  readonly cert: Uint8Array
  readonly list: Uint8Array
  readonly linkToken: Uint8Array
}

/**
 * @param rendezvousId - 16 bytes
 * @returns with the bytes to show as a QR code
 */
export function showQr(
  primitives: Primitives,
  rendezvousId: Uint8Array,
  hosted: boolean,
): { state: ShownQr; qr: Uint8Array } {
  const keys = primitives.generateDh()
  const linkSecret = randomBytes(32)
  const qr = encodeLinkingQr({ hosted, rendezvousId, publicKey: keys.publicKey, linkSecret })
  return { state: { hosted, rendezvousId, linkSecret, keys }, qr }
}

/**
 * Opens the primary's offer, and makes this device's keys.
 *
 * @param name - for people; at most 255 bytes of UTF-8
 * @returns with the message to send, and the digits to show beside it
 * @throws {CryptoError} BAD_TAG, BAD_SIGNATURE, MALFORMED, UNKNOWN_VERSION; NOT_PERMITTED when the primary consented to
 * another sort of device than this
 */
export async function answerOffer(
  primitives: Primitives,
  state: ShownQr,
  message: Uint8Array,
  name: string,
): Promise<{ state: AnsweredOffer; message: Uint8Array; digits: string }> {
  const { publicKey } = decodeLinkingBox(LINKING_OFFER, message)
  if (publicKey === undefined) malformed('An offer without a key')
  const { keys, rendezvousId, linkSecret } = state
  const meeting = { rendezvousId, linkSecret, newDeviceKey: keys.publicKey, primaryKey: publicKey }
  const linkingKeys = deriveLinkingKeys(primitives, keys.secretKey, publicKey, meeting)
  const offer = decodeLinkingOffer(openLinking(LINKING_OFFER, message, linkingKeys.fromPrimary))
  if (offer.hosted !== state.hosted) throw new CryptoError('NOT_PERMITTED', 'The primary takes this for another device')
  if (offer.list.user !== offer.address.user) malformed("Another user's device list")
  if (offer.list.devices.some(({ device }) => device === offer.address.device))
    malformed('The device is listed already')
  await requireListOf(primitives, offer.accountKey, offer.list)

  const signing = primitives.generateSigning()
  const agreement = primitives.generateDh()
  const registrationId = randomPositive31()
  const body: CertBody = {
    address: offer.address,
    hosted: state.hosted,
    registrationId,
    identity: { accountKey: offer.accountKey, signingKey: signing.publicKey, agreementKey: agreement.publicKey },
    createdMs: offer.createdMs,
  }
  const deviceSignature = await signAsDevice(primitives, body, signing)
  const request = encodeLinkingRequest({
    signingKey: signing.publicKey,
    agreementKey: agreement.publicKey,
    registrationId,
    deviceSignature,
    name,
  })
  return {
    state: { linkingKeys, offer, body, deviceSignature, signing, agreement },
    message: sealLinking(LINKING_REQUEST, request, linkingKeys.fromNewDevice),
    digits: linkingDigits(linkingKeys),
  }
}

/**
 * Checks that the primary signed exactly what this device asked for.
 *
 * @throws {CryptoError} BAD_TAG, BAD_SIGNATURE, MALFORMED, UNKNOWN_VERSION; STALE_DEVICE_LIST when the list lacks the device
 */
export async function acceptGrant(
  primitives: Primitives,
  state: AnsweredOffer,
  message: Uint8Array,
): Promise<LinkedDevice> {
  const { body, offer, signing, agreement } = state
  const { cert, list } = decodeLinkingGrant(openLinking(LINKING_GRANT, message, state.linkingKeys.fromPrimary))
  const bodyBytes = encodeCertBody(body)
  if (!equal(encodeCertBody(cert), bodyBytes)) malformed('A certificate of something else than was asked for')
  if (!equal(cert.deviceSignature, state.deviceSignature)) malformed('A certificate that this device did not sign')
  await requireListOf(primitives, offer.accountKey, list)
  const follows =
    list.epoch === offer.list.epoch + 1 && equal(list.previousHash, listHash(encodeDeviceList(offer.list)))
  if (list.user !== offer.address.user || !follows) malformed('A device list that does not follow the one offered')
  const certBytes = encodeDeviceCert(cert)
  await checkCert(primitives, list, certBytes)
  return {
    address: offer.address,
    registrationId: body.registrationId,
    signing,
    agreement,
    accountKey: offer.accountKey,
    cert: certBytes,
    list: encodeDeviceList(list),
    linkToken: offer.linkToken,
  }
}

async function requireListOf(primitives: Primitives, accountKey: Uint8Array, list: DeviceList): Promise<void> {
  if (!equal(list.accountKey, accountKey)) malformed("Another account's device list")
  await verifyList(primitives, list)
}
