import type { ErrorFrame } from '../proto/frames.ts'
import { bytesOf } from './outbox-entry.ts'
import type { OutboxEntry } from './outbox-entry.ts'

export interface OutboxOptions {
  /** Sends of one session that may be unanswered. */
  readonly window: number
  /** Of their copies, but for one send that is larger: all that is unanswered is sent again after a lost connection. */
  readonly windowBytes: number
  /** Bounds of what waits. */
  readonly maxEntries: number
  readonly maxBytes: number
  /** A unit that the server refuses so often because of the recipient's devices has failed. */
  readonly maxDeviceCorrections: number
  /** Bounds of the delay after a temporary refusal: what the server asks for goes before, if it is longer. */
  readonly retryBaseMs: number
  readonly retryCapMs: number
  /** No delay that the server asks for is kept longer. */
  readonly maxToldMs: number
  /** The delay while the recipient's mailbox is full: what the server asks for, doubled each time up to this. */
  readonly fullCapMs: number
}

export const defaultOutbox: OutboxOptions = {
  window: 64,
  windowBytes: 64 * 1024,
  maxEntries: 10_000,
  maxBytes: 64 * 1024 * 1024,
  maxDeviceCorrections: 3,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  maxToldMs: 300_000,
  fullCapMs: 900_000,
}

/** What to send now. `first`: nothing else to this recipient is unanswered in this session. */
export interface Sendable {
  readonly entry: OutboxEntry
  readonly first: boolean
}

interface Item {
  entry: OutboxEntry
  deviceCorrections: number
  /** When it was last sent, and how much that was. */
  sentAt: number
  sentBytes: number
}

/** Not by itself. */
const NEVER = Number.POSITIVE_INFINITY

/** All that goes to one user, in order. */
interface Conversation {
  /** Not sent in this session, or refused in it. */
  waiting: Item[]
  /** Sent in this session. */
  readonly unanswered: Map<string, Item>
  /** Something was refused: nothing more is sent before all is answered and `resumeAt` has come. */
  held: boolean
  resumeAt: number
  refusals: number
  /** How often the recipient's mailbox was full since something was accepted. */
  fulls: number
  /** Its first waiting entries are being encrypted. */
  sealing: boolean
  /** false: it was looked at, and all that waits is encrypted. */
  mayBeUnsealed: boolean
}

/**
 * What is to be sent, and in which order. A conversation (all that goes to one user) stays in order over refusals and
 * reconnects: after a refusal everything outstanding is answered first, then all is sent again from the first refused
 * one on. Conversations do not wait for each other. No I/O: the caller stores the entries before it adds them and
 * carries out what {@link take} returns.
 */
export class Outbox {
  readonly #options: OutboxOptions
  readonly #random: () => number
  readonly #items = new Map<string, Item>()
  readonly #conversations = new Map<number, Conversation>()
  #bytes = 0
  #unanswered = 0
  #unansweredBytes = 0

  /** @param random - a number in [0, 1), like Math.random */
  constructor(random: () => number, options: OutboxOptions = defaultOutbox) {
    this.#random = random
    this.#options = options
  }

  get size(): number {
    return this.#items.size
  }

  /** Of the copies that were sent and have no answer. */
  get unansweredBytes(): number {
    return this.#unansweredBytes
  }

  /** Whether so many more entries, with so much content together, are within the bounds. */
  hasRoom(contentBytes: number, entries: number): boolean {
    const { maxEntries, maxBytes } = this.#options
    return this.#items.size + entries <= maxEntries && this.#bytes + contentBytes <= maxBytes
  }

  /** What the entry is now; undefined when it is none of the outbox. */
  find(id: string): OutboxEntry | undefined {
    return this.#items.get(id)?.entry
  }

  add(entry: OutboxEntry): void {
    if (this.#items.has(entry.id)) return
    const item: Item = { entry, deviceCorrections: 0, sentAt: 0, sentBytes: 0 }
    this.#items.set(entry.id, item)
    this.#bytes += entry.content.length
    const conversation = this.#conversation(entry.to)
    conversation.waiting.push(item)
    if (!entry.sealed) conversation.mayBeUnsealed = true
  }

  /** A new session: whatever has no answer is sent again, in order. */
  restart(): void {
    this.#unanswered = 0
    this.#unansweredBytes = 0
    for (const conversation of this.#conversations.values()) {
      conversation.waiting = [...conversation.unanswered.values(), ...conversation.waiting].sort(byOrder)
      conversation.unanswered.clear()
      conversation.mayBeUnsealed = true
      conversation.held = false
      conversation.resumeAt = 0
    }
  }

  /**
   * The entries that are to be encrypted next, of every conversation that is not at it already, at most `limit` of each.
   * {@link sealed} or {@link putOff} ends it.
   */
  takeUnsealed(now: number, limit: number): (readonly OutboxEntry[])[] {
    const taken: (readonly OutboxEntry[])[] = []
    for (const conversation of this.#conversations.values()) {
      if (conversation.sealing || (conversation.held && conversation.resumeAt > now)) continue
      if (!conversation.mayBeUnsealed) continue
      const entries = findUnsealed(conversation, limit)
      conversation.mayBeUnsealed = entries.length > 0
      if (entries.length === 0) continue
      conversation.sealing = true
      taken.push(entries)
    }
    return taken
  }

  /** The conversation's entries were encrypted, as far as they are given. */
  sealed(to: number, entries: readonly OutboxEntry[]): void {
    for (const entry of entries) {
      const item = this.#items.get(entry.id)
      if (item !== undefined) item.entry = entry
    }
    const conversation = this.#conversations.get(to)
    if (conversation !== undefined) conversation.sealing = false
  }

  /** What is not answered yet is not for these devices. */
  except(to: number, devices: readonly number[]): void {
    const conversation = this.#conversations.get(to)
    if (conversation === undefined) return
    for (const item of [...conversation.waiting, ...conversation.unanswered.values()]) {
      item.entry = { ...item.entry, except: [...(item.entry.except ?? []), ...devices] }
    }
  }

  /** The conversation's entries cannot be encrypted now: not before {@link nextResumeAt} says so. */
  putOff(to: number, retryAfterMs: number, now: number): void {
    const conversation = this.#conversations.get(to)
    if (conversation === undefined) return
    conversation.sealing = false
    this.#hold(conversation, Math.min(retryAfterMs, this.#options.maxToldMs), now)
  }

  /** The conversation's entries wait for something that is not a matter of time: until {@link resume}. */
  suspend(to: number): void {
    const conversation = this.#conversations.get(to)
    if (conversation === undefined) return
    conversation.sealing = false
    conversation.held = true
    conversation.resumeAt = NEVER
  }

  /** Ends {@link suspend}; a delay that the server asked for goes on. */
  resume(to: number): void {
    const conversation = this.#conversations.get(to)
    if (conversation?.resumeAt === NEVER) conversation.resumeAt = 0
  }

  /** The entry needs no answer any more, or will never have one. */
  remove(id: string): void {
    const item = this.#items.get(id)
    if (item !== undefined) this.#remove(item, this.#conversation(item.entry.to))
  }

  /** What may be sent now, at most the window; counted as sent. Conversations take turns. */
  take(now: number): Sendable[] {
    const taken: Sendable[] = []
    let busy = [...this.#conversations.values()].filter((conversation) => mayContinue(conversation, now))
    while (busy.length > 0) {
      for (const conversation of busy) {
        const item = conversation.waiting[0]
        if (item?.entry.sealed !== true) continue
        const bytes = bytesOf(item.entry)
        if (!this.#isOpenFor(bytes)) return taken
        conversation.waiting.shift()
        this.#moveToBack(item.entry.to, conversation)
        taken.push({ entry: item.entry, first: conversation.unanswered.size === 0 })
        item.sentAt = now
        item.sentBytes = bytes
        conversation.held = false
        conversation.unanswered.set(item.entry.id, item)
        this.#unanswered += 1
        this.#unansweredBytes += bytes
      }
      busy = busy.filter(({ waiting }) => waiting[0]?.entry.sealed === true)
    }
    return taken
  }

  /** ✓ for this entry; undefined when it is none of the outbox. */
  accepted(id: string): OutboxEntry | undefined {
    const item = this.#items.get(id)
    if (item === undefined) return undefined
    const conversation = this.#conversation(item.entry.to)
    conversation.refusals = 0
    conversation.fulls = 0
    this.#remove(item, conversation)
    return item.entry
  }

  /**
   * The server refused this entry. It is sent again if that can help; else it is returned as failed, and the
   * conversation goes on without it.
   */
  refused(
    id: string,
    error: Pick<ErrorFrame, 'code' | 'temporary' | 'retryAfterMs'>,
    now: number,
  ): OutboxEntry | undefined {
    const item = this.#items.get(id)
    if (item === undefined) return undefined
    const conversation = this.#conversation(item.entry.to)
    if (!this.#settle(item, conversation)) return undefined
    const { held } = conversation
    conversation.held = true
    conversation.waiting.push(item)
    conversation.waiting.sort(byOrder)
    conversation.mayBeUnsealed = true
    if (error.code === 'RESEND_FROM_FIRST') return undefined
    if (error.code === 'DEVICES_CHANGED') {
      item.deviceCorrections += 1
      unseal(conversation)
      if (item.deviceCorrections <= this.#options.maxDeviceCorrections) return undefined
    } else if (error.temporary) {
      if (error.code === 'MAILBOX_FULL' && !held) conversation.fulls += 1
      // Those that were under way together are refused together: that is one more refusal, not many.
      const told = Math.min(error.retryAfterMs, this.#options.maxToldMs)
      this.#hold(conversation, error.code === 'MAILBOX_FULL' ? this.#fullMs(conversation, told) : told, now, held)
      return undefined
    }
    this.#remove(item, conversation)
    return item.entry
  }

  /** Whether what is for this user waits because their mailbox has no room. */
  isFull(to: number): boolean {
    return (this.#conversations.get(to)?.fulls ?? 0) > 0
  }

  /** When {@link take} should be asked again although nothing was answered; undefined: not needed. */
  nextResumeAt(): number | undefined {
    let earliest: number | undefined
    for (const { held, waiting, unanswered, resumeAt, sealing } of this.#conversations.values()) {
      // What is being encrypted is looked at when that is done.
      if (!held || sealing || waiting.length === 0 || unanswered.size > 0 || resumeAt === NEVER) continue
      if (earliest === undefined || resumeAt < earliest) earliest = resumeAt
    }
    return earliest
  }

  /** When the send was made that has waited longest for its answer; undefined: all are answered. */
  oldestUnansweredAt(): number | undefined {
    let oldest: number | undefined
    for (const { unanswered } of this.#conversations.values()) {
      for (const { sentAt } of unanswered.values()) if (oldest === undefined || sentAt < oldest) oldest = sentAt
    }
    return oldest
  }

  /** Whether the window takes one more send of this size. */
  #isOpenFor(bytes: number): boolean {
    const { window, windowBytes } = this.#options
    return this.#unanswered < window && (this.#unanswered === 0 || this.#unansweredBytes + bytes <= windowBytes)
  }

  /** It is not under way any more. @returns false: it was not */
  #settle(item: Item, conversation: Conversation): boolean {
    if (!conversation.unanswered.delete(item.entry.id)) return false
    this.#unanswered -= 1
    this.#unansweredBytes -= item.sentBytes
    return true
  }

  #fullMs({ fulls }: Conversation, toldMs: number): number {
    return Math.min(toldMs * 2 ** Math.min(Math.max(0, fulls - 1), 10), this.#options.fullCapMs)
  }

  #hold(conversation: Conversation, retryAfterMs: number, now: number, again = false): void {
    conversation.held = true
    if (!again) conversation.refusals += 1
    const { retryBaseMs, retryCapMs } = this.#options
    const bound = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(Math.max(0, conversation.refusals - 1), 30))
    const delayMs = Math.max(bound, retryAfterMs)
    conversation.resumeAt = Math.max(conversation.resumeAt, now + Math.round(delayMs * (1 + this.#random() / 4)))
  }

  #conversation(to: number): Conversation {
    let conversation = this.#conversations.get(to)
    if (conversation === undefined) {
      conversation = {
        waiting: [],
        unanswered: new Map(),
        held: false,
        resumeAt: 0,
        refusals: 0,
        fulls: 0,
        sealing: false,
        mayBeUnsealed: false,
      }
      this.#conversations.set(to, conversation)
    }
    return conversation
  }

  /** So that a long conversation does not take every place that becomes free. */
  #moveToBack(to: number, conversation: Conversation): void {
    this.#conversations.delete(to)
    this.#conversations.set(to, conversation)
  }

  #remove(item: Item, conversation: Conversation): void {
    const { id, to } = item.entry
    this.#items.delete(id)
    this.#bytes -= item.entry.content.length
    if (!this.#settle(item, conversation)) conversation.waiting = conversation.waiting.filter((other) => other !== item)
    // `held` may be forgotten with an empty conversation: whatever comes next is sent with `first`.
    if (conversation.waiting.length === 0 && conversation.unanswered.size === 0) this.#conversations.delete(to)
  }
}

function findUnsealed({ waiting }: Conversation, limit: number): OutboxEntry[] {
  const found: OutboxEntry[] = []
  for (const { entry } of waiting) {
    if (entry.sealed) continue
    found.push(entry)
    if (found.length === limit) break
  }
  return found
}

/** The recipient has other devices than before: what waits, and what comes back, may lack copies. */
function unseal(conversation: Conversation): void {
  conversation.mayBeUnsealed = true
  for (const item of [...conversation.waiting, ...conversation.unanswered.values()]) {
    if (item.entry.content.length === 0) continue
    item.entry = { ...item.entry, sealed: false }
  }
}

function mayContinue(conversation: Conversation, now: number): boolean {
  if (conversation.waiting[0]?.entry.sealed !== true) return false
  return !conversation.held || (conversation.unanswered.size === 0 && conversation.resumeAt <= now)
}

function byOrder(a: Item, b: Item): number {
  return a.entry.order - b.entry.order
}
