import { styleText } from 'node:util'
import stringWidth from 'string-width'
import wrapAnsi from 'wrap-ansi'

export type Style = Parameters<typeof styleText>[0]

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

/** Lines of at most so many columns. */
export function wrap(text: string, width: number): string[] {
  return wrapAnsi(text, Math.max(1, width), { hard: true, trim: false }).split('\n')
}

/** Cut at so many columns, with "…" where something is missing. For text without styles. */
export function truncate(text: string, width: number): string {
  if (stringWidth(text) <= width) return text
  let cut = ''
  let used = 0
  for (const { segment } of new Intl.Segmenter().segment(text)) {
    const columns = stringWidth(segment)
    if (used + columns > width - 1) break
    cut += segment
    used += columns
  }
  return width > 0 ? `${cut}…` : ''
}

/** `left` and `right` at the ends of a line; `left` gives way. For text without styles. */
export function spread(left: string, right: string, width: number): string {
  const room = Math.max(0, width - stringWidth(right) - 1)
  const start = truncate(left, room)
  return start + ' '.repeat(Math.max(0, width - stringWidth(start) - stringWidth(right))) + right
}

export function indent(text: string, columns: number): string {
  return ' '.repeat(Math.max(0, columns)) + text
}

export function width(text: string): number {
  return stringWidth(text)
}
