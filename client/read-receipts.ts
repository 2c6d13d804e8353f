import { Kind } from '../proto/frames.ts'
import { MAX_ABOUT } from '../proto/limits.ts'
import { newClientId } from './client-id.ts'
import type { DeviceState } from './device-state.ts'
import type { IncomingMessage } from './message.ts'
import type { OutboxEntry } from './outbox.ts'

/** READ for these messages: as few as possible for each author. */
export function readReceipts(messages: readonly IncomingMessage[], device: DeviceState): OutboxEntry[] {
  const entries: OutboxEntry[] = []
  for (const [to, ofAuthor] of Map.groupBy(messages, ({ chat }) => chat)) {
    for (let from = 0; from < ofAuthor.length; from += MAX_ABOUT) {
      const about = ofAuthor.slice(from, from + MAX_ABOUT).map(({ id }) => id)
      const order = device.takeOrder()
      entries.push({ id: newClientId(), order, to, kind: Kind.READ, content: new Uint8Array(0), about })
    }
  }
  return entries
}
