import { Client } from '../../../client/client.ts'
import type { ClientOptions } from '../../../client/client-options.ts'
import { memoryStore } from '../../../client/memory-store.ts'
import type { IncomingMessage, Message, OutgoingMessage } from '../../../client/message.ts'
import { Kind } from '../../../proto/frames.ts'
import type { DeliverFrame, WireAddress, WireEnvelope } from '../../../proto/frames.ts'
import { KeyStation } from './key-station.ts'
import { ManualClock } from './manual-clock.ts'
import { Peer } from './peer.ts'
import { Wire } from './wire.ts'

export const ME = 15550000001
export const PEER = 15550000002
export const ADDRESS = { user: ME, device: 1 }
const TOKEN = `${ME}.1.secret`

/** What outlives a client: its peer, and the server's part in keys. */
export interface World {
  readonly station: KeyStation
  readonly peer: Peer
}

export interface Setup extends World {
  readonly client: Client
  readonly clock: ManualClock
  readonly wire: Wire
  readonly shown: IncomingMessage[]
  readonly receipts: OutgoingMessage[]
  /** A text of the peer. The same number comes again in the same bytes. */
  deliver(seq: number, number?: number, change?: Partial<WireEnvelope>): DeliverFrame
}

export async function newWorld(deviceCount = 1): Promise<World> {
  const station = new KeyStation()
  return { station, peer: await Peer.create(station, PEER, deviceCount) }
}

export async function setUp(options: Partial<ClientOptions> = {}, world?: World): Promise<Setup> {
  const { station, peer } = world ?? (await newWorld())
  const clock = new ManualClock()
  const wire = new Wire()
  const keyServer = station.as(ADDRESS)
  const defaults = { url: 'http://localhost:3000', store: memoryStore(), token: TOKEN, random: () => 0, keyServer }
  const client = await Client.open({ ...defaults, transport: wire, clock, ...options })
  const shown: IncomingMessage[] = []
  const receipts: OutgoingMessage[] = []
  client.on('message', (message) => shown.push(message))
  client.on('receipt', (message) => receipts.push(message))
  const made = new Map<string, WireEnvelope>()
  const deliver = (seq: number, number = seq, change: Partial<WireEnvelope> = {}): DeliverFrame => {
    const from = change.from ?? { user: PEER, device: 1 }
    const key = `${number} ${from.device}`
    const known = made.get(key)
    const envelope = known ?? envelopeOf(number, from, change.payload ?? textOf(peer, from, number))
    made.set(key, envelope)
    return { type: 'deliver', seq, envelope: { ...envelope, ...change } }
  }
  return { station, peer, client, clock, wire, shown, receipts, deliver }
}

export function uuid(number: number): string {
  return `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`
}

function textOf(peer: Peer, { device }: WireAddress, number: number): Uint8Array {
  return peer.device(device).text(ADDRESS, uuid(number), `text ${number}`)
}

export function envelopeOf(number: number, from: WireAddress, payload: Uint8Array): WireEnvelope {
  const messageId = BigInt(number)
  return { messageId, from, kind: Kind.MESSAGE, id: uuid(number), payload, sentAt: 5, about: [] }
}

export function receipt(seq: number, kind: Kind, about: readonly string[], device = 1, user = PEER): DeliverFrame {
  const envelope = envelopeOf(9_000 + seq, { user, device }, new Uint8Array(0))
  return { type: 'deliver', seq, envelope: { ...envelope, kind, about } }
}

/** ✓ */
export function accepted(id: string, messageId: bigint, delivered: readonly number[] = []) {
  return { type: 'accepted' as const, id, messageId, at: 77, delivered }
}

/** The server does not take it. */
export function refused(id: string, code: string, temporary = false, details?: object) {
  const extra = details === undefined ? {} : { details }
  return { type: 'error' as const, id, code, message: '', temporary, retryAfterMs: 0, ...extra }
}

/** What the server says of its own accord. */
export function hint(seq: number, body: object): DeliverFrame {
  const payload = new TextEncoder().encode(JSON.stringify(body))
  const envelope = { ...envelopeOf(8_000 + seq, { user: ME, device: 0 }, payload), kind: Kind.DEVICE_EVENT }
  return { type: 'deliver', seq, envelope }
}

/** What a message shows, in a word. */
export function contentOf({ body }: Message): string {
  return body.type === 'text' ? body.text : body.type
}
