import type { VerifiedBundle } from '../devices/bundle.ts'
import { encapsulate } from '../primitives/kem.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { PreKeyHeader } from '../wire/pre-key-message.ts'
import { KemKind } from '../wire/pre-keys.ts'
import type { SessionPeer } from '../wire/session-state.ts'
import { certifiedPeer, certifiedSelf } from './own-device.ts'
import type { OwnDevice } from './own-device.ts'
import { deriveSecrets } from './transcript.ts'
import type { SessionSecrets } from './transcript.ts'

export interface Initiation {
  readonly secrets: SessionSecrets
  readonly peer: SessionPeer
  readonly header: PreKeyHeader
}

/**
 * The initiator's side of PQXDH: DH1 … DH4 and an encapsulated secret.
 *
 * @throws {CryptoError} MALFORMED for a key out of range, NOT_PERMITTED for the keys of this device
 */
export function initiate(
  primitives: Primitives,
  self: OwnDevice,
  bundle: VerifiedBundle,
  generation: number,
): Initiation {
  const { signedPreKey, oneTimePreKey, kemPreKey } = bundle
  const peer = certifiedPeer(self, bundle.cert, bundle.certHash)
  const base = primitives.generateDh()
  const agreements = [
    primitives.dh(self.agreementKeys.secretKey, signedPreKey.publicKey),
    primitives.dh(base.secretKey, peer.identity.agreementKey),
    primitives.dh(base.secretKey, signedPreKey.publicKey),
  ]
  if (oneTimePreKey !== undefined) agreements.push(primitives.dh(base.secretKey, oneTimePreKey.publicKey))
  const { ciphertext, sharedSecret } = encapsulate(kemPreKey.publicKey)
  agreements.push(sharedSecret)
  const kemOneTime = bundle.kemKind === KemKind.ONE_TIME
  const shared = { generation, baseKey: base.publicKey, kemOneTime, kemCiphertext: ciphertext }
  const secrets = deriveSecrets(
    { ...shared, initiator: certifiedSelf(self), responder: peer, signedPreKey, oneTimePreKey, kemPreKey },
    agreements,
  )
  const header: PreKeyHeader = {
    ...shared,
    signedPreKeyId: signedPreKey.id,
    oneTimePreKeyId: oneTimePreKey?.id,
    kemPreKeyId: kemPreKey.id,
    certificate: self.certificate,
    list: self.list,
  }
  return { secrets, peer, header }
}
