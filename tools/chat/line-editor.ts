import type { Key } from 'node:readline'
import { cutBack, cutOn, emptyDraft, inputText, insert, isFull, isTyped, moveBack, moveOn, pieceOf } from './draft.ts'
import type { Draft, Origin, Piece } from './draft.ts'

/** What a person has finished. */
export interface Entered {
  readonly text: string
  /** It may be a command: its beginning came from keys. */
  readonly isTyped: boolean
}

/** What a key asks for beside a change of the draft. */
export type Wish =
  { readonly type: 'enter'; readonly entered: Entered } | { readonly type: 'full' } | { readonly type: 'none' }

const MAX_REMEMBERED = 100
const NOTHING = { type: 'none' } as const

/** The line that is being written, with the keys and the memory that readline has. */
export class LineEditor {
  #draft: Draft = emptyDraft
  #cut: Piece = pieceOf('', 'typed')
  /** The newest last. */
  readonly #remembered: Draft[] = []
  /** Which of them is shown; as many as there are: none. */
  #shown = 0
  /** What was being written before one of them was shown. */
  #unfinished: Draft = emptyDraft

  get draft(): Draft {
    return this.#draft
  }

  add(text: string, origin: Origin): Wish {
    this.#draft = insert(this.#draft, pieceOf(inputText(text), origin))
    return isFull(this.#draft) ? { type: 'full' } : NOTHING
  }

  /** Changes the draft; keys that mean nothing here change nothing. */
  press(key: Key): Wish {
    if (key.name === 'return' && key.meta !== true) return this.#enter()
    // Ctrl-J is a line feed, and some terminals send one for Shift-Enter.
    if (key.name === 'return' || key.name === 'enter') return this.add('\n', 'typed')
    this.#edit(key)
    return NOTHING
  }

  #edit({ name = '', ctrl = false, meta = false }: Key): void {
    const by = ctrl || meta ? 'word' : 'character'
    switch (name) {
      case 'left':
        return this.#set(moveBack(this.#draft, by))
      case 'right':
        return this.#set(moveOn(this.#draft, by))
      case 'home':
        return this.#set(moveBack(this.#draft, 'all'))
      case 'end':
        return this.#set(moveOn(this.#draft, 'all'))
      case 'backspace':
        return this.#take(cutBack(this.#draft, by), by === 'word')
      case 'delete':
        return this.#take(cutOn(this.#draft, by), by === 'word')
      case 'up':
        return this.#remember(-1)
      case 'down':
        return this.#remember(1)
      default:
        if (ctrl) this.#control(name)
        else if (meta) this.#alternate(name)
    }
  }

  #control(name: string): void {
    switch (name) {
      case 'a':
        return this.#set(moveBack(this.#draft, 'all'))
      case 'e':
        return this.#set(moveOn(this.#draft, 'all'))
      case 'b':
        return this.#set(moveBack(this.#draft, 'character'))
      case 'f':
        return this.#set(moveOn(this.#draft, 'character'))
      case 'd':
        return this.#take(cutOn(this.#draft, 'character'), false)
      case 'w':
        return this.#take(cutBack(this.#draft, 'word'), true)
      case 'u':
        return this.#take(cutBack(this.#draft, 'all'), true)
      case 'k':
        return this.#take(cutOn(this.#draft, 'all'), true)
      case 'y':
        return this.#set(insert(this.#draft, this.#cut))
      case 'p':
        return this.#remember(-1)
      case 'n':
        return this.#remember(1)
      default:
    }
  }

  #alternate(name: string): void {
    if (name === 'b') this.#set(moveBack(this.#draft, 'word'))
    else if (name === 'f') this.#set(moveOn(this.#draft, 'word'))
    else if (name === 'd') this.#take(cutOn(this.#draft, 'word'), true)
  }

  #enter(): Wish {
    const { text } = this.#draft
    const entered = { text, isTyped: isTyped(this.#draft) }
    if (text.trim() !== '' && text !== this.#remembered.at(-1)?.text) this.#remembered.push(this.#draft)
    if (this.#remembered.length > MAX_REMEMBERED) this.#remembered.shift()
    this.#shown = this.#remembered.length
    this.#unfinished = emptyDraft
    this.#draft = emptyDraft
    return { type: 'enter', entered }
  }

  /** @param by - how many further: -1 is the one before */
  #remember(by: number): void {
    const next = this.#shown + by
    if (next < 0 || next > this.#remembered.length) return
    if (this.#shown === this.#remembered.length) this.#unfinished = this.#draft
    this.#shown = next
    const draft = this.#remembered[next] ?? this.#unfinished
    this.#draft = { ...draft, cursor: draft.text.length }
  }

  #take([draft, piece]: readonly [Draft, Piece], isKept: boolean): void {
    this.#draft = draft
    if (isKept) this.#cut = piece
  }

  #set(draft: Draft): void {
    this.#draft = draft
  }
}
