import { width } from './cells.ts'
import { wrap } from './text.ts'

/** Something to look at instead of the messages. */
export interface Page {
  readonly lines: readonly string[]
  /** A QR code beside them. */
  readonly code?: readonly string[]
}

const GAP = 2
/** Text beside a code is read with this width at least. */
const MIN_TEXT = 26

/** The lines of a page in so many columns: the code beside the text, or below it where there is no room. */
export function renderPage({ lines, code }: Page, columns: number): string[] {
  const codeWidth = width(code?.[0] ?? '')
  if (code === undefined) return lines.flatMap((line) => wrap(line, columns))
  const room = columns - codeWidth - GAP
  if (room < MIN_TEXT) {
    const text = lines.flatMap((line) => wrap(line, columns))
    return codeWidth <= columns ? [...text, '', ...code] : [...text, '', 'A wider terminal shows a QR code here.']
  }
  const text = lines.flatMap((line) => wrap(line, room))
  const none = ' '.repeat(codeWidth)
  return Array.from({ length: Math.max(text.length, code.length) }, (_, row) =>
    `${code[row] ?? none}${' '.repeat(GAP)}${text[row] ?? ''}`.trimEnd(),
  )
}
