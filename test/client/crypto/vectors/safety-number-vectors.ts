import { hex } from '../../../../client/crypto/bytes.ts'
import { fingerprint, safetyNumber, safetyQr } from '../../../../client/crypto/devices/safety-number.ts'
import { primitives } from '../helpers/people.ts'

export interface SafetyNumberVector {
  readonly accounts: readonly [SafetyAccount, SafetyAccount]
  readonly number: string
  /** As the first of the accounts shows it. */
  readonly qr: string
}

interface SafetyAccount {
  readonly user: string
  readonly accountKey: string
  readonly fingerprint: string
  readonly digits: string
}

export function safetyNumberVectors(): SafetyNumberVector[] {
  const prints = [15_550_000_001, 999_999_999_999_999, 1].map((user, i) => {
    const { publicKey } = primitives.signingFromSeed(new Uint8Array(32).fill(i + 1))
    return { user, publicKey, print: fingerprint(user, publicKey) }
  })
  return prints.map((a, i) => {
    const b = prints[(i + 1) % prints.length] as typeof a
    const accounts = [a, b].map(({ user, publicKey, print }) => ({
      user: String(user),
      accountKey: hex(publicKey),
      fingerprint: hex(print.bytes),
      digits: print.digits,
    })) as [SafetyAccount, SafetyAccount]
    return { accounts, number: safetyNumber(a.print, b.print), qr: hex(safetyQr(a.print, b.print)) }
  })
}
