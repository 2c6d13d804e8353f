import { parseString } from 'whatsapp-chat-parser'

/** One message of the chat: who wrote it, by number, and what. */
interface ScriptLine {
  readonly author: number
  readonly text: string
}

/** What is to be played. */
export interface Script {
  readonly authors: readonly string[]
  readonly lines: readonly ScriptLine[]
  /** Notes of the system and lines without text: not played. */
  readonly skipped: number
}

/** The export cannot be played; the message says why, for the person who gave it. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/** A message holds 64 KiB; a character takes 4 bytes at most, and a little is needed around it. */
const MAX_CHARS = 16_000

/**
 * Reads a chat export of WhatsApp, in any format that whatsapp-chat-parser knows.
 *
 * @param limit - only so many messages from its beginning
 */
export function readScript(text: string, limit = Infinity): Script {
  if (text.startsWith('PK')) throw new ScriptError('That is a zip archive: unpack it, and give the .txt file in it.')
  const authors = new Map<string, number>()
  const lines: ScriptLine[] = []
  const messages = parseString(text.replace(/^\u{feff}/u, '').trimEnd())
  let skipped = 0
  for (const { author, message } of messages) {
    if (lines.length >= limit) break
    if (author === null || message.trim() === '') {
      skipped += 1
      continue
    }
    const number = authors.get(author) ?? authors.size
    authors.set(author, number)
    for (const part of split(message)) lines.push({ author: number, text: part })
  }
  if (lines.length === 0) throw new ScriptError('There is no message in it. Is it a chat export of WhatsApp?')
  if (authors.size < 2) throw new ScriptError('Only one person writes in it, so there is nobody to send to.')
  return { authors: [...authors.keys()], lines, skipped }
}

/** Long texts in parts, never cut within a character. */
function split(text: string): string[] {
  if (text.length <= MAX_CHARS) return [text]
  const characters = [...text]
  const parts: string[] = []
  for (let from = 0; from < characters.length; from += MAX_CHARS / 2) {
    parts.push(characters.slice(from, from + MAX_CHARS / 2).join(''))
  }
  return parts
}
