import { createCipheriv, createDecipheriv } from 'node:crypto'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import type { RatchetSuite } from '../../../../client/crypto/ratchet/chain.ts'
import { stepRoot } from '../../../../client/crypto/ratchet/chain.ts'
import { nextToSend, receive } from '../../../../client/crypto/ratchet/ratchet.ts'
import type { RatchetState } from '../../../../client/crypto/wire/session-state.ts'
import { ascii } from './bytes.ts'
import { primitives } from './people.ts'
import { hkdf, hmac, join } from './reference/primitives.ts'

const VERSION = 3
const MAC_BYTES = 8
const NO_SALT = new Uint8Array()

/** The ratchet with the label of Olm in the place of its own. */
const olmSuite: RatchetSuite = { primitives, rootLabel: ascii('OLM_RATCHET') }

export const fromBase64 = (text: string): Buffer => Buffer.from(text, 'base64')
export const toBase64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64').replaceAll('=', '')

/** The first root and chain key of Olm, of a triple agreement. */
export function olmRoot(agreements: readonly Uint8Array[]): { rootKey: Uint8Array; chainKey: Uint8Array } {
  const keys = hkdf(join(...agreements), NO_SALT, ascii('OLM_ROOT'), 64)
  return { rootKey: keys.subarray(0, 32), chainKey: keys.subarray(32) }
}

export interface OlmFields {
  readonly bytes: ReadonlyMap<number, Buffer>
  readonly numbers: ReadonlyMap<number, number>
}

/** Tags with bytes or a number behind each: what both sorts of message of Olm are made of. */
export function parseOlm(message: Uint8Array): OlmFields {
  const bytes = new Map<number, Buffer>()
  const numbers = new Map<number, number>()
  let at = 1
  while (at < message.length) {
    const tag = message[at] as number
    const [value, next] = varint(message, at + 1)
    at = next
    if ((tag & 7) === 0) {
      numbers.set(tag, value)
    } else {
      bytes.set(tag, Buffer.from(message.subarray(at, at + value)))
      at += value
    }
  }
  return { bytes, numbers }
}

function varint(message: Uint8Array, from: number): [number, number] {
  let value = 0
  let at = from
  for (let shift = 0; ; shift += 7) {
    const byte = message[at] as number
    at += 1
    value += (byte & 127) * 2 ** shift
    if (byte < 128) return [value, at]
  }
}

function putVarint(value: number): Buffer {
  const bytes: number[] = []
  let left = value
  while (left > 127) {
    bytes.push((left & 127) | 128)
    left >>>= 7
  }
  return Buffer.of(...bytes, left)
}

const olmField = (tag: number, value: Uint8Array): Buffer => join(Buffer.of(tag), putVarint(value.length), value)

/** A first message around another one. */
export const olmPreKeyMessage = (
  oneTime: Uint8Array,
  base: Uint8Array,
  identity: Uint8Array,
  inner: Uint8Array,
): Buffer =>
  join(
    Buffer.of(VERSION),
    olmField(0x0a, oneTime),
    olmField(0x12, base),
    olmField(0x1a, identity),
    olmField(0x22, inner),
  )

function messageKeys(key: Uint8Array): { aes: Buffer; mac: Buffer; iv: Buffer } {
  const keys = hkdf(key, NO_SALT, ascii('OLM_KEYS'), 80)
  return { aes: keys.subarray(0, 32), mac: keys.subarray(32, 64), iv: keys.subarray(64) }
}

/** Encrypts in Olm's format with the client's ratchet. */
export function sealOlm(state: RatchetState, text: string): { state: RatchetState; message: Buffer } {
  const next = nextToSend(state)
  const { aes, mac, iv } = messageKeys(next.key)
  const cipher = createCipheriv('aes-256-cbc', aes, iv)
  const body = join(
    Buffer.of(VERSION),
    olmField(0x0a, next.head.ratchetKey),
    Buffer.of(0x10),
    putVarint(next.head.number),
    olmField(0x22, join(cipher.update(text), cipher.final())),
  )
  return { state: next.state, message: join(body, hmac(mac, body).subarray(0, MAC_BYTES)) }
}

export interface OlmHead {
  readonly ratchetKey: Buffer
  readonly number: number
}

export function olmHead(message: Uint8Array): OlmHead {
  const { bytes, numbers } = parseOlm(message.subarray(0, -MAC_BYTES))
  return { ratchetKey: bytes.get(0x0a) as Buffer, number: numbers.get(0x10) as number }
}

/** @param previousCount - which Olm does not send */
export function openOlm(
  state: RatchetState,
  message: Uint8Array,
  previousCount: number,
): { state: RatchetState; text: string } {
  const body = message.subarray(0, -MAC_BYTES)
  const head = { ...olmHead(message), previousCount }
  const { state: after, opened } = receive(olmSuite, state, { head, nowMs: 0, closed: false }, (key) => {
    const { aes, mac, iv } = messageKeys(key)
    if (!hmac(mac, body).subarray(0, MAC_BYTES).equals(message.subarray(-MAC_BYTES)))
      throw new CryptoError('BAD_TAG', 'Not what Olm sent')
    const decipher = createDecipheriv('aes-256-cbc', aes, iv)
    return join(decipher.update(parseOlm(body).bytes.get(0x22) as Buffer), decipher.final()).toString()
  })
  return { state: after, text: opened }
}

/** Olm makes its own ratchet key only when it sends; so does its peer. */
export function turnOlm(state: RatchetState): RatchetState {
  const own = primitives.generateDh()
  const { rootKey, chainKey } = stepRoot(olmSuite, state.rootKey, own.secretKey, state.peerKey as Uint8Array)
  return { ...state, own, rootKey, sendingKey: chainKey }
}
