import { hexToBytes } from '@noble/curves/utils.js'
import type { WireAddress } from '../../../../proto/frames.ts'
import { hex } from '../../../../client/crypto/bytes.ts'
import type { OwnDevice } from '../../../../client/crypto/handshake/own-device.ts'
import type { PreKeySecrets } from '../../../../client/crypto/handshake/responder.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import { webProvider } from '../../../../client/crypto/primitives/web-provider.ts'
import { openFrom } from '../../../../client/crypto/sessions/receive.ts'
import { sealFor } from '../../../../client/crypto/sessions/send.ts'
import {
  decodeSessionRecord,
  EMPTY_RECORD,
  encodeSessionRecord,
} from '../../../../client/crypto/sessions/session-record.ts'
import { decodeDeviceCert } from '../../../../client/crypto/wire/device-cert.ts'
import { flip } from './bytes.ts'
import { refusal } from './refusal.ts'

// What a page runs: one device, whose state goes in and out with each call. All bytes are hexadecimal.

export interface PageDevice {
  readonly certificate: string
  readonly agreementSecret: string
  readonly listHash: string
}

export interface PagePreKeys {
  readonly signed: { readonly id: number; readonly secret: string }
  readonly oneTime: { readonly id: number; readonly secret: string } | undefined
  readonly kem: { readonly id: number; readonly oneTime: boolean; readonly seed: string; readonly publicKey: string }
}

export interface PageMessage {
  readonly device: PageDevice
  readonly record: string
  readonly from: WireAddress
  readonly payload: string
  readonly preKeys?: PagePreKeys | undefined
}

const primitives = new Primitives(webProvider)

function ownOf({ certificate, agreementSecret, listHash }: PageDevice): OwnDevice {
  const secretKey = hexToBytes(agreementSecret)
  const { address, identity } = decodeDeviceCert(hexToBytes(certificate))
  return {
    address,
    identity,
    certificate: hexToBytes(certificate),
    agreementKeys: { secretKey, publicKey: primitives.dhPublic(secretKey) },
    list: { epoch: 1, hash: hexToBytes(listHash) },
  }
}

function preKeysOf({ signed, oneTime, kem }: PagePreKeys): PreKeySecrets {
  const pair = ({ id, secret }: { readonly id: number; readonly secret: string }) => {
    const secretKey = hexToBytes(secret)
    return { id, keys: { secretKey, publicKey: primitives.dhPublic(secretKey) } }
  }
  const keys = { seed: hexToBytes(kem.seed), publicKey: hexToBytes(kem.publicKey) }
  return {
    signedPreKey: pair(signed),
    oneTimePreKey: oneTime && pair(oneTime),
    kemPreKey: { id: kem.id, oneTime: kem.oneTime, keys },
  }
}

function openPayload(message: PageMessage, payload: Uint8Array): ReturnType<typeof openFrom> {
  const record = message.record === '' ? EMPTY_RECORD : decodeSessionRecord(hexToBytes(message.record))
  const incoming = { from: message.from, payload, nowMs: Date.now() }
  return openFrom(primitives, record, ownOf(message.device), incoming, message.preKeys && preKeysOf(message.preKeys))
}

export function open(message: PageMessage): { record: string; text: string } {
  const { record, plaintext } = openPayload(message, hexToBytes(message.payload))
  return { record: hex(encodeSessionRecord(record)), text: new TextDecoder().decode(plaintext) }
}

export function seal(device: PageDevice, record: string, text: string): { record: string; payload: string } {
  const { list } = ownOf(device)
  const sealed = sealFor(decodeSessionRecord(hexToBytes(record)), new TextEncoder().encode(text), list)
  return { record: hex(encodeSessionRecord(sealed.record)), payload: hex(sealed.payload) }
}

/** How many of the payloads with one bit changed, in every `step`th byte, are refused, and how many there are. */
export function refused(message: PageMessage, step: number): readonly [number, number] {
  const payload = hexToBytes(message.payload)
  let count = 0
  let all = 0
  for (let i = 0; i < payload.length; i += step) {
    all += 1
    if (refusal(() => openPayload(message, flip(payload, 8 * i + (i % 8)))) !== undefined) count += 1
  }
  return [count, all]
}
