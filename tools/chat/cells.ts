import { stripVTControlCharacters } from 'node:util'
import stringWidth from 'string-width'

/** What a person sees as one character, and the columns that it takes. */
export interface Cell {
  readonly text: string
  readonly columns: number
}

/** How many characters were looked at since the start: by it tests and the benchmark tell what a frame costs. */
export const work = { characters: 0 }

/** A family of four with skin tones has 19 code units and takes 16 columns; what is larger is no character of anybody. */
const MAX_UNITS = 40
const MAX_COLUMNS = 16
export const ASCII = /^[\u{20}-\u{7e}]*$/u

const graphemes = new Intl.Segmenter()
/** So many are remembered; then all are forgotten. */
const MAX_KNOWN = 10_000
const known = new Map<string, number>()

/** The grapheme clusters of a text without styles. Endless ones, which would not fit on any line, come apart. */
export function* cells(text: string): Generator<Cell> {
  work.characters += text.length
  for (const { segment } of graphemes.segment(text)) {
    const columns = columnsOf(segment)
    if (segment.length <= MAX_UNITS && columns <= MAX_COLUMNS) yield { text: segment, columns }
    else for (const part of segment) yield { text: part, columns: columnsOf(part) }
  }
}

/** The columns that a text takes at most, without its styles. */
export function width(text: string): number {
  const bare = stripVTControlCharacters(text)
  if (ASCII.test(bare)) {
    work.characters += bare.length
    return bare.length
  }
  let sum = 0
  for (const { columns } of cells(bare)) sum += columns
  return sum
}

/** Terminals differ on emoji of several code points: some draw one of two columns, others draw all its parts. */
function columnsOf(grapheme: string): number {
  const before = known.get(grapheme)
  if (before !== undefined) return before
  let apart = 0
  for (const part of grapheme) apart += stringWidth(part)
  const columns = Math.max(stringWidth(grapheme), apart)
  if (known.size >= MAX_KNOWN) known.clear()
  if (grapheme.length <= MAX_UNITS) known.set(grapheme, columns)
  return columns
}
