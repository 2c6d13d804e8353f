import type { WireAddress } from '../../proto/frames.ts'
import { ByteReader, ByteWriter, hex } from '../crypto/bytes.ts'
import { unlessRefused } from '../crypto/errors.ts'
import { randomBytes } from '../crypto/primitives/random.ts'
import { openSignal, sealSignal } from '../crypto/signals/signal.ts'
import type { Transaction } from '../store.ts'
import { readPeer } from './peer.ts'
import { readSessions } from './sessions.ts'

const ID_BYTES = 16
const HEAD_BYTES = 8 + ID_BYTES
const MAX_AGE_MS = 5 * 60 * 1000
/** Signals that are remembered, at most: the oldest makes room. Older ones than five minutes are refused by their time. */
const MAX_SEEN = 20_000

/** A signal as it goes to one device. */
export interface SealedSignal {
  readonly to: WireAddress
  readonly payload: Uint8Array
}

/** Encrypts and opens signals: each is told from a repeat, and one that is old is dropped. */
export class SecretSignals {
  readonly #seen = new Set<string>()

  /** For each device that there is a session with. No signal is worth a new one. */
  async seal(
    transaction: Transaction,
    { user, device }: WireAddress,
    payload: Uint8Array,
    now: number,
  ): Promise<readonly SealedSignal[]> {
    const peer = await readPeer(transaction, user)
    if (peer === undefined || !peer.facts.accepted || peer.facts.forked) return []
    const id = randomBytes(ID_BYTES)
    const plaintext = new ByteWriter(HEAD_BYTES + payload.length).u64(now).put(id).put(payload).finish()
    const sealed: SealedSignal[] = []
    for (const one of peer.devices.keys()) {
      if (device !== 0 && device !== one) continue
      const to = { user, device: one }
      const record = await readSessions(transaction, to)
      const signal = unlessRefused(() => sealSignal(record, plaintext))
      if (signal !== undefined) sealed.push({ to, payload: signal })
    }
    return sealed
  }

  /** undefined: it is old, repeated, or nobody's. */
  async open(
    transaction: Transaction,
    from: WireAddress,
    payload: Uint8Array,
    now: number,
  ): Promise<Uint8Array | undefined> {
    const record = await readSessions(transaction, from)
    const plaintext = unlessRefused(() => openSignal(record, payload))
    if (plaintext === undefined || plaintext.length < HEAD_BYTES) return undefined
    const reader = new ByteReader(plaintext)
    const ms = reader.u64()
    const id = hex(reader.take(ID_BYTES))
    if (Math.abs(now - ms) > MAX_AGE_MS || this.#seen.has(id)) return undefined
    this.#seen.add(id)
    if (this.#seen.size > MAX_SEEN) {
      const [oldest] = this.#seen
      if (oldest !== undefined) this.#seen.delete(oldest)
    }
    return reader.take(reader.left)
  }
}
