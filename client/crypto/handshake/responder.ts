import { CryptoError } from '../errors.ts'
import { decapsulate } from '../primitives/kem.ts'
import type { KemKeyPair } from '../primitives/kem.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { certHash, decodeDeviceCert } from '../wire/device-cert.ts'
import type { PreKeyHeader } from '../wire/pre-key-message.ts'
import type { SessionPeer } from '../wire/session-state.ts'
import { certifiedPeer, certifiedSelf } from './own-device.ts'
import type { OwnDevice } from './own-device.ts'
import { deriveSecrets } from './transcript.ts'
import type { SessionSecrets } from './transcript.ts'

/** The private halves of the pre-keys that a header names, as they were found in the store. */
export interface PreKeySecrets {
  readonly signedPreKey: { readonly id: number; readonly keys: KeyPair }
  readonly oneTimePreKey?: { readonly id: number; readonly keys: KeyPair } | undefined
  readonly kemPreKey: { readonly id: number; readonly oneTime: boolean; readonly keys: KemKeyPair }
}

export interface Response {
  readonly secrets: SessionSecrets
  readonly peer: SessionPeer
}

/**
 * The responder's side of PQXDH. A header that was changed on the way gives other secrets, not an error.
 *
 * @throws {CryptoError} UNKNOWN_PRE_KEY when the secrets are not those that the header names; MALFORMED, NOT_PERMITTED
 */
export function respond(
  primitives: Primitives,
  self: OwnDevice,
  header: PreKeyHeader,
  preKeys: PreKeySecrets,
): Response {
  requireNamed(header, preKeys)
  const { signedPreKey, oneTimePreKey, kemPreKey } = preKeys
  const peer = certifiedPeer(self, decodeDeviceCert(header.certificate), certHash(header.certificate))
  const signed = signedPreKey.keys.secretKey
  const agreements = [
    primitives.dh(signed, peer.identity.agreementKey),
    primitives.dh(self.agreementKeys.secretKey, header.baseKey),
    primitives.dh(signed, header.baseKey),
  ]
  if (oneTimePreKey !== undefined) agreements.push(primitives.dh(oneTimePreKey.keys.secretKey, header.baseKey))
  agreements.push(decapsulate(header.kemCiphertext, kemPreKey.keys.seed))
  const secrets = deriveSecrets(
    {
      initiator: peer,
      responder: certifiedSelf(self),
      generation: header.generation,
      baseKey: header.baseKey,
      signedPreKey: { id: signedPreKey.id, publicKey: signedPreKey.keys.publicKey },
      oneTimePreKey: oneTimePreKey && { id: oneTimePreKey.id, publicKey: oneTimePreKey.keys.publicKey },
      kemPreKey: { id: kemPreKey.id, publicKey: kemPreKey.keys.publicKey },
      kemOneTime: header.kemOneTime,
      kemCiphertext: header.kemCiphertext,
    },
    agreements,
  )
  return { secrets, peer }
}

function requireNamed(header: PreKeyHeader, { signedPreKey, oneTimePreKey, kemPreKey }: PreKeySecrets): void {
  const named =
    header.signedPreKeyId === signedPreKey.id &&
    header.oneTimePreKeyId === oneTimePreKey?.id &&
    header.kemPreKeyId === kemPreKey.id &&
    header.kemOneTime === kemPreKey.oneTime
  if (!named) throw new CryptoError('UNKNOWN_PRE_KEY', 'The message was made for another pre-key')
}
