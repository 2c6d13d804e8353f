import type { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../shared/envelope.ts'
import { stampMs, toMessageId } from '../shared/ids.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'

/** A row of the table of envelopes, without the mailbox that it is in. 64-bit numbers come as text. */
export interface EnvelopeRow {
  message_id: string
  from_user: string
  from_device: number
  kind: Kind
  urgent: boolean
  expires_at: string
  client_id: string
  about: string
  payload: Buffer
}

export function toEnvelope(to: Address, row: EnvelopeRow): Envelope {
  const messageId = toMessageId(row.message_id)
  return {
    messageId,
    from: { user: Number(row.from_user) as UserId, device: row.from_device as DeviceId },
    to,
    kind: row.kind,
    id: row.client_id,
    payload: row.payload,
    about: row.about === '' ? [] : row.about.split(','),
    urgent: row.urgent,
    sentAt: stampMs(messageId),
    expiresAt: Number(row.expires_at),
  }
}
