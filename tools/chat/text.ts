import { stripVTControlCharacters, styleText } from 'node:util'
import stringWidth from 'string-width'

export type Style = Parameters<typeof styleText>[0]

const graphemes = new Intl.Segmenter()

/** Colours, unless the environment wants none (NO_COLOR) or the terminal has none. */
export function style(format: Style, text: string): string {
  return styleText(format, text, { stream: process.stdout })
}

export function hasColours(): boolean {
  return style('red', '') !== ''
}

/**
 * What somebody else wrote, without anything that would steer the terminal: control characters (ECMA-48) and the marks
 * that reverse the direction of the rest of the line.
 */
export function printable(text: string): string {
  return text
    .replaceAll('\r\n', '\n')
    .replaceAll('\t', '    ')
    .replaceAll(/(?!\n)[\p{Cc}\u{202a}-\u{202e}]/gu, '')
}

/** On one line, at most so wide. */
export function oneLine(text: string, width: number): string {
  return truncate(printable(text).replaceAll(/\s+/g, ' ').trim(), width)
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
    if (used + width(word) <= columns) {
      line += word
      used += width(word)
      continue
    }
    const [last = '', ...before] = breakAnywhere(used > 0 ? word.trimStart() : word, columns).toReversed()
    if (used > 0) lines.push(line)
    lines.push(...before.toReversed())
    line = last
    used = width(last)
  }
  return [...lines, line]
}

function breakAnywhere(text: string, columns: number): string[] {
  const lines: string[] = []
  let line = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    const more = width(segment)
    if (used + more > columns && used > 0) {
      lines.push(line)
      line = ''
      used = 0
    }
    line += segment
    used += more
  }
  return [...lines, line]
}

/** Cut at so many columns, with "…" where something is missing. For text without styles. */
export function truncate(text: string, columns: number): string {
  if (width(text) <= columns) return text
  let cut = ''
  let used = 0
  for (const { segment } of graphemes.segment(text)) {
    used += width(segment)
    if (used > columns - 1) break
    cut += segment
  }
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

/**
 * The columns that a text takes at most. Terminals differ on emoji of several code points: some draw one of two columns,
 * others draw all its parts.
 */
export function width(text: string): number {
  let sum = 0
  for (const { segment } of graphemes.segment(stripVTControlCharacters(text))) {
    const parts = [...segment]
    const apart = parts.reduce((columns, part) => columns + stringWidth(part), 0)
    sum += Math.max(stringWidth(segment), apart)
  }
  return sum
}
