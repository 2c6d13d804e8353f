import { ExportError } from './export-encoding.ts'
import { hasText, toEntry } from './export-entry.ts'
import type { ExportEntry } from './export-entry.ts'
import { ExportFormat } from './export-format.ts'
import { findNotices } from './notices.ts'

/** What an export holds. */
export interface ChatExport {
  readonly messages: readonly { readonly author: string; readonly text: string }[]
  /** Notices of WhatsApp itself: who was added, what the group is called now. */
  readonly system: number
  /** Messages without text, and lines before the first header. */
  readonly skipped: number
}

const LINE_ENDS = /\r\n|[\n\r]/u
/** So much of a line is shown in an error. */
const SHOWN = 60

/**
 * Reads a chat as WhatsApp's "Export chat" writes it, on Android or iPhone, in any language.
 *
 * @throws ExportError naming the line where no line begins with a date and a time
 */
export function readExport(text: string): ChatExport {
  const { entries, before } = readEntries(text)
  const notices = findNotices(entries)
  const messages: { author: string; text: string }[] = []
  let skipped = before
  for (const entry of entries) {
    if (notices.has(entry) || entry.author === undefined) continue
    if (hasText(entry)) messages.push({ author: entry.author, text: entry.text })
    else skipped++
  }
  return { messages, system: notices.size, skipped }
}

function readEntries(text: string): { entries: readonly ExportEntry[]; before: number } {
  const lines = text.split(LINE_ENDS)
  const format = findFormat(lines)
  const entries: ExportEntry[] = []
  let rows: string[] | undefined
  let before = 0
  const finish = (): void => {
    if (rows !== undefined) entries.push(toEntry(rows))
  }
  for (const line of lines) {
    const rest = format.restOf(line)
    if (rest !== undefined) {
      finish()
      rows = [rest]
    } else if (rows !== undefined) rows.push(line)
    else if (line.trim() !== '') before++
  }
  finish()
  return { entries, before }
}

function findFormat(lines: readonly string[]): ExportFormat {
  for (const line of lines) {
    const format = ExportFormat.of(line)
    if (format !== undefined) return format
  }
  const index = lines.findIndex((line) => line.trim() !== '')
  if (index === -1) throw new ExportError('The file is empty.')
  const shown = [...(lines[index] ?? '').replace(/[\p{Cc}\p{Cf}]/gu, '')].slice(0, SHOWN).join('')
  throw new ExportError(`No line begins with a date and a time. Line ${index + 1} is: ${shown}`)
}
