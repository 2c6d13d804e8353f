import { styleText } from 'node:util'
import { ASCII, cells, width } from './cells.ts'
import type { Cell } from './cells.ts'
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
  return wrapMeasured(text, columns).map((line) => line.text)
}

/** The same, with the columns that each of them takes. */
export function wrapMeasured(text: string, columns: number): Cell[] {
  const room = Math.max(2, columns)
  return text.split('\n').flatMap((paragraph) => wrapParagraph(paragraph, room))
}

function wrapParagraph(text: string, columns: number): Cell[] {
  const lines: Cell[] = []
  let line: Cell = { text: '', columns: 0 }
  for (const word of text.match(/\s*\S+|\s+/gu) ?? []) {
    const parts = partsOf(word)
    const more = sumOf(parts)
    if (line.columns + more <= columns) {
      line = { text: line.text + word, columns: line.columns + more }
      continue
    }
    if (line.columns > 0) lines.push(line)
    const rest = line.columns > 0 ? partsOf(word.trimStart()) : parts
    const pieces = breakAnywhere(rest, columns)
    line = pieces.pop() ?? { text: '', columns: 0 }
    lines.push(...pieces)
  }
  return [...lines, line]
}

/** The characters of a word, or the whole word where all of them take one column. */
function partsOf(word: string): readonly Cell[] {
  return ASCII.test(word) ? [{ text: word, columns: width(word) }] : [...cells(word)]
}

function sumOf(parts: readonly Cell[]): number {
  let sum = 0
  for (const part of parts) sum += part.columns
  return sum
}

function breakAnywhere(parts: readonly Cell[], columns: number): Cell[] {
  const lines: Cell[] = []
  let text = ''
  let used = 0
  for (const part of parts) {
    if (used + part.columns > columns && used > 0) {
      lines.push({ text, columns: used })
      text = ''
      used = 0
    }
    text += part.text
    used += part.columns
    for (; used > columns && text.length === used; used -= columns) {
      lines.push({ text: text.slice(0, columns), columns })
      text = text.slice(columns)
    }
  }
  return [...lines, { text, columns: used }]
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
