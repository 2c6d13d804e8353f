import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import type { WireAddress } from '../../proto/frames.ts'
import type { Identity } from '../crypto/wire/identity.ts'
import { CryptoError } from '../crypto/errors.ts'
import type { KeyPair } from '../crypto/primitives/provider.ts'
import type { Transaction } from '../store.ts'
import { decodeRecord, encodeRecord, keys } from '../records.ts'

/** The keys of this device, made once in its life, and the counters of its pre-keys, which only rise. */
export interface Self {
  readonly address: WireAddress
  readonly hosted: boolean
  readonly registrationId: number
  /** The account's Ed25519 pair, on the primary device only. */
  readonly account: KeyPair | undefined
  /** "AIK": the account's public key. */
  readonly accountKey: Uint8Array
  readonly signing: KeyPair
  readonly agreement: KeyPair
  readonly certificate: Uint8Array
  /** The ids of the next pre-keys. */
  readonly nextIds: { readonly signed: number; readonly oneTime: number; readonly kem: number }
  /** When the signed pre-key and the last resort were made, ms since 1970. */
  readonly rotatedAt: number
}

export function identityOf({ accountKey, signing, agreement }: Self): Identity {
  return { accountKey, signingKey: signing.publicKey, agreementKey: agreement.publicKey }
}

type Stored = Omit<Self, 'account' | 'accountKey' | 'signing' | 'agreement' | 'certificate'> & {
  readonly account: StoredPair | null
  readonly accountKey: string
  readonly signing: StoredPair
  readonly agreement: StoredPair
  readonly certificate: string
}

type StoredPair = readonly [publicKey: string, secretKey: string]

/** @throws {CryptoError} CORRUPT_STATE */
export async function readSelf(transaction: Transaction): Promise<Self | undefined> {
  const bytes = await transaction.get(keys.self)
  if (bytes === undefined) return undefined
  const record = decodeRecord<Stored>(bytes)
  if (record === undefined) throw new CryptoError('CORRUPT_STATE', 'The keys of this device cannot be read')
  const { account, accountKey, signing, agreement, certificate, ...rest } = record.json
  return {
    ...rest,
    account: account === null ? undefined : readPair(account),
    accountKey: fromText(accountKey),
    signing: readPair(signing),
    agreement: readPair(agreement),
    certificate: fromText(certificate),
  }
}

export function writeSelf(transaction: Transaction, self: Self): void {
  const { account, accountKey, signing, agreement, certificate, ...rest } = self
  const stored: Stored = {
    ...rest,
    account: account === undefined ? null : writePair(account),
    accountKey: encodeBase64(accountKey),
    signing: writePair(signing),
    agreement: writePair(agreement),
    certificate: encodeBase64(certificate),
  }
  transaction.put(keys.self, encodeRecord(stored))
}

function writePair({ publicKey, secretKey }: KeyPair): StoredPair {
  return [encodeBase64(publicKey), encodeBase64(secretKey)]
}

function readPair([publicKey, secretKey]: StoredPair): KeyPair {
  return { publicKey: fromText(publicKey), secretKey: fromText(secretKey) }
}

function fromText(text: string): Uint8Array {
  const bytes = findBase64(text)
  if (bytes === undefined) throw new CryptoError('CORRUPT_STATE', 'The keys of this device cannot be read')
  return bytes
}
