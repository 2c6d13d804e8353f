import { ByteWriter, concat, label, typed, ZERO_32 } from '../bytes.ts'
import { hkdf, sha256 } from '../primitives/hash.ts'
import { encodeParty } from './party.ts'
import type { Party } from './party.ts'

const VERSION = 1
const TYPE = 3
const ONE_TIME = 1
const KEM_ONE_TIME = 2

/** Goes before the agreements, as a value that no X25519 result has (X3DH section 2.2). */
const NO_POINT = new Uint8Array(32).fill(0xff)

export interface CertifiedParty extends Party {
  readonly certHash: Uint8Array
}

/** All that the two sides agree on. Both hash it into the keys, so a difference of any bit gives them different keys. */
export interface Transcript {
  readonly initiator: CertifiedParty
  readonly responder: CertifiedParty
  readonly generation: number
  readonly baseKey: Uint8Array
  readonly signedPreKey: { readonly id: number; readonly publicKey: Uint8Array }
  readonly oneTimePreKey: { readonly id: number; readonly publicKey: Uint8Array } | undefined
  readonly kemPreKey: { readonly id: number; readonly publicKey: Uint8Array }
  readonly kemOneTime: boolean
  readonly kemCiphertext: Uint8Array
}

/** 2,638 bytes, with a one-time key 2,671. "T" */
export function encodeTranscript(transcript: Transcript): Uint8Array {
  const { initiator, responder, signedPreKey, oneTimePreKey, kemPreKey, kemOneTime } = transcript
  const flags = (oneTimePreKey === undefined ? 0 : ONE_TIME) | (kemOneTime ? KEM_ONE_TIME : 0)
  return concat(
    Uint8Array.of(VERSION, TYPE),
    encodeParty(initiator),
    initiator.certHash,
    encodeParty(responder),
    responder.certHash,
    u32(transcript.generation),
    typed(0x05, transcript.baseKey),
    Uint8Array.of(flags),
    u32(signedPreKey.id),
    typed(0x05, signedPreKey.publicKey),
    u32(oneTimePreKey?.id ?? 0),
    ...(oneTimePreKey === undefined ? [] : [typed(0x05, oneTimePreKey.publicKey)]),
    u32(kemPreKey.id),
    typed(0x09, kemPreKey.publicKey),
    transcript.kemCiphertext,
  )
}

/** What a handshake gives both sides. */
export interface SessionSecrets {
  /** The first root key. "SK" */
  readonly sharedKey: Uint8Array
  /** Of the session; never sent. "sid" */
  readonly id: Uint8Array
  /** "sigRoot" */
  readonly signalRoot: Uint8Array
}

/** @param agreements - DH1, DH2, DH3, DH4 if there is a one-time key, and the KEM's secret */
export function deriveSecrets(transcript: Transcript, agreements: readonly Uint8Array[]): SessionSecrets {
  const info = concat(label('pqxdh'), sha256(encodeTranscript(transcript)))
  const keys = hkdf(concat(NO_POINT, ...agreements), ZERO_32, info, 96)
  return { sharedKey: keys.slice(0, 32), id: keys.slice(32, 64), signalRoot: keys.slice(64) }
}

function u32(value: number): Uint8Array {
  return new ByteWriter(4).u32(value).finish()
}
