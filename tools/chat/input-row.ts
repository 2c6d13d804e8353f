import { cells, width } from './cells.ts'
import type { Cell } from './cells.ts'
import { printable } from './printable.ts'
import { truncate } from './text.ts'

const PROMPT = '> '
/** Shown where the input has a line end. */
const LINE_END = '↵'
/** More code units than a column takes, marks and emoji included. */
const UNITS_A_COLUMN = 32
/** What comes after the cursor gets this share of the row, if it needs so much. */
const SHARE_AFTER = 0.25

/** The part of the input around the cursor, of whole characters, where it is wider than the screen. */
export function renderInput(
  input: string,
  cursor: number,
  columns: number,
): { readonly before: string; readonly after: string } {
  // The cursor takes a column, too.
  const room = columns - PROMPT.length - 1
  const reach = room * UNITS_A_COLUMN
  const after = shown(input.slice(cursor, cursor + reach))
  const roomAfter = Math.min(width(after), Math.floor(room * SHARE_AFTER))
  const before = lastOf(shown(input.slice(Math.max(0, cursor - reach), cursor)), room - roomAfter)
  return { before: PROMPT + before, after: truncate(after, room - width(before)) }
}

function shown(part: string): string {
  return printable(part).replaceAll('\n', LINE_END)
}

function lastOf(text: string, columns: number): string {
  const all: Cell[] = [...cells(text)]
  let used = 0
  let start = all.length
  while (start > 0) {
    used += all[start - 1]?.columns ?? 0
    if (used > columns) break
    start -= 1
  }
  return all
    .slice(start)
    .map((cell) => cell.text)
    .join('')
}
