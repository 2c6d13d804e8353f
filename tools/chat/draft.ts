import { characterAfter, characterBefore, wordAfter, wordBefore } from './characters.ts'

/** Where a character came from: a key, or the clipboard. */
export type Origin = 'typed' | 'pasted'

/** Text of which each code unit has the letter of its origin. */
export interface Piece {
  readonly text: string
  readonly origins: string
}

/** What is being written, and where the cursor is: always between two characters as people see them. */
export interface Draft extends Piece {
  readonly cursor: number
}

export type Unit = 'character' | 'word' | 'all'

const LETTERS = { typed: 't', pasted: 'p' } as const
/** Several times what a message may have; more is left out. */
const MAX_UNITS = 200_000

export const emptyDraft: Draft = { text: '', origins: '', cursor: 0 }

export function pieceOf(text: string, origin: Origin): Piece {
  return { text, origins: LETTERS[origin].repeat(text.length) }
}

/** Text as it comes from a terminal, without what would steer one. */
export function inputText(text: string): string {
  return text.replaceAll(/\r\n?/g, '\n').replaceAll(/(?![\n\t])\p{Cc}/gu, '')
}

/** At the cursor, as much as there is room for. */
export function insert(draft: Draft, { text, origins }: Piece): Draft {
  const fitting = text.slice(0, Math.max(0, MAX_UNITS - draft.text.length)).toWellFormed()
  const piece = { text: fitting, origins: origins.slice(0, fitting.length) }
  return splice(draft, draft.cursor, draft.cursor, piece)
}

export function isFull({ text }: Draft): boolean {
  return text.length >= MAX_UNITS
}

/** The same with the cursor elsewhere. */
export function moveBack(draft: Draft, by: Unit): Draft {
  return { ...draft, cursor: placeBefore(draft, by) }
}

export function moveOn(draft: Draft, by: Unit): Draft {
  return { ...draft, cursor: placeAfter(draft, by) }
}

/** What is left, and what was cut out: before the cursor, */
export function cutBack(draft: Draft, what: Unit): readonly [Draft, Piece] {
  return cut(draft, placeBefore(draft, what), draft.cursor)
}

/** or behind it. */
export function cutOn(draft: Draft, what: Unit): readonly [Draft, Piece] {
  return cut(draft, draft.cursor, placeAfter(draft, what))
}

/** Whether the first thing that can be seen of it came from a key: only that can be a command. */
export function isTyped({ text, origins }: Piece): boolean {
  return origins.charAt(text.search(/\S/)) === LETTERS.typed
}

function placeBefore({ text, cursor }: Draft, by: Unit): number {
  if (by === 'all') return 0
  return by === 'word' ? wordBefore(text, cursor) : characterBefore(text, cursor)
}

function placeAfter({ text, cursor }: Draft, by: Unit): number {
  if (by === 'all') return text.length
  return by === 'word' ? wordAfter(text, cursor) : characterAfter(text, cursor)
}

function cut(draft: Draft, start: number, end: number): readonly [Draft, Piece] {
  const piece = { text: draft.text.slice(start, end), origins: draft.origins.slice(start, end) }
  return [splice(draft, start, end, { text: '', origins: '' }), piece]
}

function splice({ text, origins }: Draft, start: number, end: number, piece: Piece): Draft {
  return {
    text: text.slice(0, start) + piece.text + text.slice(end),
    origins: origins.slice(0, start) + piece.origins + origins.slice(end),
    cursor: start + piece.text.length,
  }
}
