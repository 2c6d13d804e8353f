import type { Content } from '../proto/content.ts'
import type { Body } from './message.ts'

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
