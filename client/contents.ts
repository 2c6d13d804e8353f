import { DecodeError } from '../proto/decode-error.ts'
import { decodeContent, encodeContent } from './content.ts'
import type { Body } from './message.ts'

/** Until devices sign their lists. */
const NO_LIST = { epoch: 0, hash: new Uint8Array(16) }

export interface Text {
  readonly id: string
  readonly chat: number
  readonly sentAtMs: number
  readonly text: string
}

/** The payload of a text message. */
export function writeText({ id, chat, sentAtMs, text }: Text): Uint8Array {
  return encodeContent({
    id,
    sentAtMs,
    chat: { type: 'user', user: chat },
    myList: NO_LIST,
    expireSeconds: 0,
    body: { type: 'text', text },
  })
}

/**
 * What a payload shows. One that contradicts its envelope is as unreadable as one that is no content: the server could
 * otherwise make a reply or an edit point at another message.
 *
 * @param id - the client id that the envelope carries
 * @param user - the user whom it was delivered to
 */
export function readBody(payload: Uint8Array, id: string, user: number): Body {
  try {
    const { id: innerId, chat, body } = decodeContent(payload)
    if (innerId.toLowerCase() !== id.toLowerCase()) return { type: 'unreadable' }
    if (chat.type !== 'user' || chat.user !== user) return { type: 'unreadable' }
    switch (body.type) {
      case 'text':
        return { type: 'text', text: body.text }
      case 'location':
      case 'contact':
        return body
      default:
        return { type: 'unsupported' }
    }
  } catch (error) {
    if (error instanceof DecodeError) return { type: 'unreadable' }
    throw error
  }
}
