import { readExport } from './export.ts'

/** One message of the chat: who wrote it, by number, and what. */
interface ScriptLine {
  readonly author: number
  readonly text: string
}

/** What is to be played. */
export interface Script {
  readonly authors: readonly string[]
  readonly lines: readonly ScriptLine[]
  /** Messages of the chat: a long one is several lines. */
  readonly messages: number
  /** Notices of WhatsApp itself: not played. */
  readonly system: number
  /** Messages without text, and what stands before the first message: not played. */
  readonly skipped: number
}

/** The export cannot be played; the message says why, for the person who gave it. */
export class ScriptError extends Error {
  override readonly name = 'ScriptError'
}

/** A message holds 64 KiB; a character takes 4 bytes at most, and a little is needed around it. */
const MAX_CHARS = 16_000

/**
 * What is to be played of a chat export of WhatsApp.
 *
 * @param limit - only so many messages from its beginning
 * @throws ExportError when it cannot be read
 */
export function readScript(text: string, limit = Infinity): Script {
  const { messages: all, system, skipped } = readExport(text)
  const messages = all.slice(0, limit)
  const authors = new Map<string, number>()
  const lines: ScriptLine[] = []
  for (const { author, text: whole } of messages) {
    const number = authors.get(author) ?? authors.size
    authors.set(author, number)
    for (const part of split(whole)) lines.push({ author: number, text: part })
  }
  return { authors: [...authors.keys()], lines, messages: messages.length, system, skipped }
}

/** @throws ScriptError when nobody in it has anybody to write to */
export function checkPlayable({ authors }: Script): void {
  if (authors.length === 0) throw new ScriptError('Nobody writes anything in it.')
  if (authors.length === 1) throw new ScriptError('Only one person writes in it, so there is nobody to send to.')
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
