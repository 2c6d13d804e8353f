import { styleText } from 'node:util'
import { cells, width } from './cells.ts'
import { printable } from './printable.ts'

export type Style = Parameters<typeof styleText>[0]

/** More code units than a column takes, marks and emoji included: what is cut looks no further. */
const UNITS_A_COLUMN = 32

/** Colours, unless the environment wants none (NO_COLOR) or the terminal has none. */
export function style(format: Style, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

/** What somebody else wrote, on one line, at most so wide. However long it is, only its beginning is looked at. */
export function oneLine(text: string, columns: number): string {
  const start = beginning(text, columns)
  const line = printable(start).replaceAll(/\s+/g, ' ').trim()
  return truncate(start.length < text.length ? `${line}…` : line, columns)
}

/** Lines of at most so many columns, broken between words where there are any. */
export function wrap(text: string, columns: number): string[] {
  const room = Math.max(2, columns)
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, room))
}

function wrapParagraph(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const word of text.match(/\s*\S+|\s+/gu) ?? []) {
    const more = width(word)
    if (used + more <= columns) {
      line += word
      used += more
      continue
    }
    if (used > 0) lines.push(line)
    const pieces = breakAnywhere(used > 0 ? word.trimStart() : word, columns)
    line = pieces.pop() ?? ''
    used = width(line)
    lines.push(...pieces)
  }
  return [...lines, line]
}

function breakAnywhere(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const cell of cells(text)) {
    if (used + cell.columns > columns && used > 0) {
      lines.push(line)
      line = ''
      used = 0
    }
    line += cell.text
    used += cell.columns
  }
  return [...lines, line]
}

/** Cut at so many columns, with "…" where something is missing. For text without styles. */
export function truncate(text: string, columns: number): string {
  const start = beginning(text, columns)
  let whole = ''
  let cut = ''
  let used = 0
  for (const cell of cells(start)) {
    used += cell.columns
    if (used > columns) return columns > 0 ? `${cut}…` : ''
    whole += cell.text
    if (used < columns) cut = whole
  }
  if (start.length === text.length) return whole
  return columns > 0 ? `${cut}…` : ''
}

/** `left` and `right` at the ends of a line; `left` gives way. For text without styles. */
export function spread(left: string, right: string, columns: number): string {
  const start = truncate(left, Math.max(0, columns - width(right) - 1))
  return start + ' '.repeat(Math.max(0, columns - width(start) - width(right))) + right
}

export function indent(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns)) + text
}

/** As much of a text as can matter for so many columns, not ended within a code point. */
function beginning(text: string, columns: number): string {
  const start = text.slice(0, UNITS_A_COLUMN * (Math.max(0, columns) + 1))
  return start.length < text.length ? start.replace(/[\u{d800}-\u{dbff}]$/u, '') : start
}
