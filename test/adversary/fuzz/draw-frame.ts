import { Kind } from '../../../proto/frames.ts'
import type { ClientFrame, SendFrame } from '../../../proto/frames.ts'
import { MAX_ABOUT, MAX_COPIES, MAX_PAYLOAD_BYTES, MAX_WATCHED } from '../../../proto/limits.ts'
import type { Random } from '../../model/random.ts'

/** Nobody is registered under these. */
const NOBODY = [1, 15_099_999_999, 999_999_999_999_999]
const kinds = Object.values(Kind)

/** A frame that keeps the rules of the wire; what it asks for may be refused. */
export function drawFrame(random: Random, users: readonly number[]): ClientFrame {
  switch (random.int(12)) {
    case 0:
      return { type: 'ping' }
    case 1:
      return { type: 'ack', upTo: random.chance(0.02) ? 1_000 : 0 }
    case 2:
    case 3:
      return {
        type: 'signal',
        to: { user: drawUser(random, users), device: random.int(9) },
        payload: drawPayload(random),
      }
    case 4:
    case 5:
      return { type: random.chance(0.7) ? 'watch' : 'unwatch', users: drawUsers(random, users) }
    case 6:
      return random.chance(0.02)
        ? { type: 'connect', token: 'x', client: '', number: 0, lastMessageId: 0n }
        : { type: 'ping' }
    default:
      return drawSend(random, users)
  }
}

function drawSend(random: Random, users: readonly number[]): SendFrame {
  // Most are what a client sends most.
  const kind = random.chance(0.6) ? Kind.MESSAGE : random.pick(kinds)
  const isReceipt = kind === Kind.READ || kind === Kind.PLAYED
  const about = isReceipt || random.chance(0.05) ? drawLength(random, MAX_ABOUT) : 0
  return {
    type: 'send',
    id: drawId(random),
    to: drawUser(random, users),
    kind,
    copies: isReceipt && !random.chance(0.05) ? [] : drawCopies(random),
    about: Array.from({ length: about }, () => drawId(random)),
    urgent: random.chance(0.5),
    ttl: random.chance(0.2) ? random.int(2 ** 32) : 0,
    first: random.chance(0.8),
  }
}

function drawCopies(random: Random): SendFrame['copies'] {
  const count = random.chance(0.9) ? 1 : drawLength(random, MAX_COPIES)
  const payload = drawPayload(random, Math.floor(MAX_PAYLOAD_BYTES / count))
  return Array.from({ length: count }, (_, i) => ({
    device: i + 1,
    registrationId: random.chance(0.05) ? 7 : 0,
    payload,
  }))
}

function drawUsers(random: Random, users: readonly number[]): number[] {
  const length = drawLength(random, MAX_WATCHED)
  const first = 15_000_000_000 + random.int(1_000_000)
  return Array.from({ length }, (_, i) => (i % 10 === 0 ? drawUser(random, users) : first + i))
}

export function drawUser(random: Random, users: readonly number[]): number {
  return random.chance(0.1) ? random.pick(NOBODY) : random.pick(users)
}

function drawPayload(random: Random, most = MAX_PAYLOAD_BYTES): Uint8Array {
  return new Uint8Array(Math.max(1, drawLength(random, most)))
}

/** Small ones mostly, and now and then as many as there may be. */
function drawLength(random: Random, most: number): number {
  if (random.chance(0.1)) return most
  return Math.floor(most ** random.next())
}

function drawId(random: Random): string {
  const hex = Array.from({ length: 32 }, () => random.int(16).toString(16)).join('')
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join('-')
}
