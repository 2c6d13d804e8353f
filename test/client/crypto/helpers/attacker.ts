import { decodeSessionRecord, states } from '../../../../client/crypto/sessions/session-record.ts'
import { SKIPPED_BYTES } from '../../../../client/crypto/wire/session-state.ts'
import type { SessionState } from '../../../../client/crypto/wire/session-state.ts'
import { times } from '../../../helpers/long.ts'
import type { Endpoint } from './endpoint.ts'
import { dh, hex, hkdf, hmac, join, label, openWith, sha256 } from './reference/primitives.ts'

/** Of a chain, which no test takes further than a few. */
const STEPS = times(12, 40)

/**
 * Has all that went over the wire, and at some time all that one device had stored. Really tries to read: with every key
 * it stole or derived, forward along every chain, and through every agreement of a secret it has with a key it saw.
 */
export class Attacker {
  readonly #ends: readonly Buffer[]
  readonly #secrets: Buffer[] = []
  readonly #roots = new Map<string, Buffer>()
  readonly #chains = new Map<string, Buffer>()
  readonly #messageKeys = new Map<string, Buffer>()

  constructor(a: Endpoint, b: Endpoint) {
    this.#ends = [a, b].map(({ own }) => join(own.certificate.subarray(2, 14), own.certificate.subarray(19, 115)))
  }

  /** Takes every key that the device has stored. */
  steal(end: Endpoint): this {
    const preKeys = [...end.signedPreKeys.values(), ...end.oneTimePreKeys.values(), end.own.agreementKeys]
    for (const { secretKey } of preKeys) this.#secrets.push(Buffer.from(secretKey))
    for (const bytes of end.records.values())
      for (const state of states(decodeSessionRecord(bytes))) this.#stealState(state)
    return this
  }

  #stealState({ ratchet }: SessionState): void {
    this.#secrets.push(Buffer.from(ratchet.own.secretKey))
    put(this.#roots, ratchet.rootKey)
    for (const chain of [ratchet.sendingKey, ratchet.receivingKey]) if (chain !== undefined) put(this.#chains, chain)
    for (let at = 0; at < ratchet.skipped.length; at += SKIPPED_BYTES)
      put(this.#messageKeys, ratchet.skipped.subarray(at + 36, at + 68))
  }

  /** What it can read of these payloads, in order. */
  read(payloads: readonly Uint8Array[]): string[] {
    const texts = new Map<number, string>()
    const { stackTraceLimit } = Error
    // Node makes and drops an error for each key that is plain bytes, whose trace takes longer than what is done with it.
    Error.stackTraceLimit = 0
    try {
      this.#readAll(payloads, texts)
    } finally {
      Error.stackTraceLimit = stackTraceLimit
    }
    return [...texts].sort(([a], [b]) => a - b).map(([, text]) => text)
  }

  #readAll(payloads: readonly Uint8Array[], texts: Map<number, string>): void {
    for (let round = 0; round < 3; round++) {
      for (const [i, payload] of payloads.entries()) {
        if (texts.has(i)) continue
        const text = this.#tryAll(payload)
        if (text !== undefined) texts.set(i, text)
      }
    }
  }

  #tryAll(payload: Uint8Array): string | undefined {
    const first = payload[1] === 3
    const message = first ? payload.subarray(1_430) : payload
    for (const key of this.#messageKeys.values()) {
      const text = this.#open(key, payload, message, first)
      if (text !== undefined) return text
    }
    for (const chain of this.#chains.values()) {
      const text = this.#followChain(chain, payload, message, first)
      if (text !== undefined) return text
    }
    for (const root of this.#roots.values()) {
      for (const secret of this.#secrets) {
        const keys = hkdf(dh(secret, message.subarray(2, 34)), root, label('rk'), 64)
        const text = this.#followChain(keys.subarray(32), payload, message, first)
        if (text === undefined) continue
        put(this.#roots, keys.subarray(0, 32))
        put(this.#chains, keys.subarray(32))
        return text
      }
    }
    return undefined
  }

  #followChain(chain: Buffer, payload: Uint8Array, message: Uint8Array, first: boolean): string | undefined {
    let current = chain
    for (let step = 0; step < STEPS; step++) {
      const text = this.#open(hmac(current, Buffer.of(1)), payload, message, first)
      if (text !== undefined) return text
      current = hmac(current, Buffer.of(2))
    }
    return undefined
  }

  #open(key: Buffer, payload: Uint8Array, message: Uint8Array, first: boolean): string | undefined {
    const [a, b] = this.#ends as [Buffer, Buffer]
    for (const ends of [join(a, b), join(b, a)]) {
      const ad = first ? join(label('ad-pre'), ends, sha256(payload.subarray(0, 1_426))) : join(label('ad'), ends)
      const text = openWith(key, 'mk', ad, 42, message)
      if (text !== undefined) return text.toString()
    }
    return undefined
  }
}

function put(keys: Map<string, Buffer>, key: Uint8Array): void {
  keys.set(hex(key), Buffer.from(key))
}
