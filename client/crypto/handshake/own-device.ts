import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import type { KeyPair } from '../primitives/provider.ts'
import { certHash } from '../wire/device-cert.ts'
import type { DeviceCert } from '../wire/device-cert.ts'
import type { ListReference } from '../wire/pre-key-message.ts'
import type { SessionPeer } from '../wire/session-state.ts'
import type { Party } from './party.ts'
import type { CertifiedParty } from './transcript.ts'

/** This device, as it takes part in handshakes. */
export interface OwnDevice extends Party {
  /** As signed: 251 bytes. */
  readonly certificate: Uint8Array
  /** The pair of `identity.agreementKey`. */
  readonly agreementKeys: KeyPair
  /** The newest list of its account. */
  readonly list: ListReference
}

export function certifiedSelf({ address, identity, certificate }: OwnDevice): CertifiedParty {
  return { address, identity, certHash: certHash(certificate) }
}

/**
 * The other side, by its certificate, which was verified before.
 *
 * @throws {CryptoError} NOT_PERMITTED when it is this device, or has its keys
 */
export function certifiedPeer(self: OwnDevice, cert: DeviceCert, hash: Uint8Array): CertifiedParty & SessionPeer {
  const { address, identity, registrationId } = cert
  const sameAddress = address.user === self.address.user && address.device === self.address.device
  if (sameAddress || equal(identity.agreementKey, self.identity.agreementKey))
    throw new CryptoError('NOT_PERMITTED', 'A session with oneself')
  return { address, identity, registrationId, certHash: hash }
}
