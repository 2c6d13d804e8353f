import type { Model } from './model.ts'
import { countMessageBlocks, messageLines } from './message-lines.ts'
import { notesOf } from './notes.ts'
import type { Note } from './notes.ts'
import { width } from './cells.ts'
import { printable } from './printable.ts'
import { indent, style, wrap } from './text.ts'
import type { Style } from './text.ts'
import { dayName, sameDay } from './times.ts'
import { blockedText, hostedText } from './words.ts'

/** A line of a chat, from 0 each: of a block of the message at this place in the history. */
export interface Spot {
  readonly message: number
  readonly block: number
  readonly line: number
}

/** The open chat as one long column of lines, of which only those are made that are looked at. It has messages. */
export class ChatLines {
  readonly #model: Model
  readonly #columns: number
  readonly #now: number
  readonly #notes: readonly Note[]
  /** Of each message that was looked at, its blocks. */
  readonly #made = new Map<number, (readonly string[])[]>()

  constructor(model: Model, columns: number, now: number) {
    this.#model = model
    this.#columns = columns
    this.#now = now
    const { peer, keys, names } = model
    this.#notes = peer === undefined || keys === undefined ? [] : notesOf(keys, names.nameOf(peer))
  }

  get last(): Spot {
    return this.#lastOf(this.#model.messages.length - 1)
  }

  /** The line itself if there is one, else the last one of its block. */
  nearest({ message, block, line }: Spot): Spot {
    const last = this.#lastOf(message)
    if (block > last.block) return last
    return { message, block, line: Math.min(line, this.#linesOf(message, block).length - 1) }
  }

  isLast(spot: Spot): boolean {
    const { message, block, line } = this.last
    return spot.message === message && spot.block === block && spot.line === line
  }

  /** @returns the line so many lines above, or the first one; and how many were missing */
  above({ message, block, line }: Spot, count: number): { readonly spot: Spot; readonly missing: number } {
    let spot = { message, block, line }
    let left = count
    while (left > spot.line) {
      left -= spot.line + 1
      const before = this.#before(spot)
      if (before === undefined) return { spot: { ...spot, line: 0 }, missing: left + 1 }
      spot = before
    }
    return { spot: { ...spot, line: spot.line - left }, missing: 0 }
  }

  /** The line so many lines below, or the last one. */
  below({ message, block, line }: Spot, count: number): Spot {
    let spot = { message, block, line: line + count }
    for (;;) {
      const lines = this.#linesOf(spot.message, spot.block).length
      if (spot.line < lines) return spot
      const after = this.#after(spot)
      if (after === undefined) return { ...spot, line: lines - 1 }
      spot = { ...after, line: spot.line - lines }
    }
  }

  /** The lines that end with this one, as many or as many as there are. */
  upTo(spot: Spot, count: number): string[] {
    const blocks: (readonly string[])[] = []
    let left = count
    for (let at: Spot | undefined = spot; at !== undefined && left > 0; at = this.#before(at)) {
      const lines = this.#linesOf(at.message, at.block).slice(0, at.line + 1)
      blocks.push(lines.slice(-left))
      left -= lines.length
    }
    return blocks.toReversed().flat()
  }

  #before({ message, block }: Spot): Spot | undefined {
    if (block > 0) return { message, block: block - 1, line: this.#linesOf(message, block - 1).length - 1 }
    return message > 0 ? this.#lastOf(message - 1) : undefined
  }

  #after({ message, block }: Spot): Spot | undefined {
    const shown = this.#model.messages[message]
    if (shown !== undefined && block + 1 < countMessageBlocks(shown)) return { message, block: block + 1, line: 0 }
    return message + 1 < this.#model.messages.length ? { message: message + 1, block: 0, line: 0 } : undefined
  }

  #lastOf(message: number): Spot {
    const shown = this.#model.messages[message]
    const block = shown === undefined ? 0 : countMessageBlocks(shown) - 1
    return { message, block, line: this.#linesOf(message, block).length - 1 }
  }

  #linesOf(index: number, block: number): readonly string[] {
    const blocks = this.#made.get(index) ?? []
    this.#made.set(index, blocks)
    return (blocks[block] ??= this.#make(index, block))
  }

  /** A block, and around those at the ends of a message what stands between the messages. */
  #make(index: number, block: number): readonly string[] {
    const message = this.#model.messages[index]
    if (message === undefined) return ['']
    const lines = messageLines(message, block, this.#columns)
    const isEnd = block === countMessageBlocks(message) - 1
    const before = block === 0 ? this.#headOf(index) : []
    const after = isEnd ? this.#footOf(index) : []
    return before.length + after.length === 0 ? lines : [...before, ...lines, ...after]
  }

  #headOf(index: number): readonly string[] {
    const { messages, peer, keys, server, names } = this.#model
    const message = messages[index]
    if (message === undefined) return []
    const previous = messages[index - 1]
    const isFirst = previous === undefined
    const isHosted = isFirst && peer !== undefined && keys?.hosted === true
    // Notes of a time of which there is no message stand at the beginning.
    const early = isFirst ? this.#notes.filter(({ after }) => after < message.order) : []
    return [
      ...(isHosted ? renderNote(hostedText(names.nameOf(peer), server), this.#columns, 'yellow') : []),
      ...renderNotes(early, this.#columns),
      ...(isFirst || !sameDay(previous.sentAt, message.sentAt) ? this.#dayOf(message.sentAt) : []),
    ]
  }

  #footOf(index: number): readonly string[] {
    const { messages, peer, keys, names } = this.#model
    const [order, until] = [messages[index]?.order ?? 0, messages[index + 1]?.order ?? Infinity]
    const late = this.#notes.filter(({ after }) => after >= order && after < until)
    const isBlocked = until === Infinity && peer !== undefined && keys !== undefined && (keys.changed || keys.forked)
    return [
      ...renderNotes(late, this.#columns),
      ...(isBlocked ? renderNote(blockedText(names.nameOf(peer)), this.#columns, 'yellow') : []),
    ]
  }

  #dayOf(ms: number): string[] {
    const name = `── ${dayName(ms, this.#now)} ──`
    return ['', style('dim', indent(name, Math.floor((this.#columns - width(name)) / 2)))]
  }
}

/** What happened in a chat, in the middle of lines. */
export function renderNotes(notes: readonly Note[], columns: number): string[] {
  return notes.flatMap(({ text }) => renderNote(text, columns, 'dim'))
}

/** In the middle, over several lines if it must be. */
export function renderNote(text: string, columns: number, format: Style): string[] {
  const lines = wrap(printable(text), columns - 4)
  return lines.map((line) => style(format, indent(line, Math.floor((columns - width(line)) / 2))))
}
