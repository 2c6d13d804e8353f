import type { Content } from '../proto/content.ts'
import type { Body, OutgoingMessage } from './message.ts'

export interface Text {
  readonly id: string
  readonly chat: number
  readonly sentAtMs: number
  readonly text: string
}

/** The content of a text message. */
export function textContent({ id, chat, sentAtMs, text }: Text): Content {
  return {
    id,
    sentAtMs,
    chat: { type: 'user', user: chat },
    body: { type: 'text', text },
  }
}

/** The content of a message that was written before, to be sent as it was; undefined: what it said is not known. */
export function contentAgain({ id, chat, sentAt, body }: OutgoingMessage): Content | undefined {
  if (body.type !== 'text' && body.type !== 'location' && body.type !== 'contact') return undefined
  return { id, sentAtMs: sentAt, chat: { type: 'user', user: chat }, body }
}

/** What a content shows. */
export function bodyOf({ body }: Content): Body {
  switch (body.type) {
    case 'text':
      return { type: 'text', text: body.text }
    case 'location':
    case 'contact':
      return body
    default:
      return { type: 'unsupported' }
  }
}
