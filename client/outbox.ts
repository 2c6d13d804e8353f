import type { ErrorFrame, Kind } from '../proto/frames.ts'

/** One unit on its way to a user, from when it is stored until it is accepted or has failed. */
export interface OutboxEntry {
  /** Client id: the same in every resend. */
  readonly id: string
  /** Rises with every entry of this device: the order within a conversation. */
  readonly order: number
  readonly to: number
  readonly kind: Kind
  /** What each copy carries; empty for receipts. */
  readonly content: Uint8Array
  readonly about: readonly string[]
}

export interface OutboxOptions {
  /** Sends of one session that may be unanswered. */
  readonly window: number
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
}

export const defaultOutbox: OutboxOptions = {
  window: 64,
  maxEntries: 10_000,
  maxBytes: 64 * 1024 * 1024,
  maxDeviceCorrections: 5,
  retryBaseMs: 500,
  retryCapMs: 30_000,
  maxToldMs: 300_000,
}

/** What to send now. `first`: nothing else to this recipient is unanswered in this session. */
export interface Sendable {
  readonly entry: OutboxEntry
  readonly first: boolean
}

interface Item {
  readonly entry: OutboxEntry
  deviceCorrections: number
  /** When it was last sent. */
  sentAt: number
}

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

  /** @param random - a number in [0, 1), like Math.random */
  constructor(random: () => number, options: OutboxOptions = defaultOutbox) {
    this.#random = random
    this.#options = options
  }

  get size(): number {
    return this.#items.size
  }

  /** Whom the entry goes to; undefined when it is none of the outbox. */
  recipientOf(id: string): number | undefined {
    return this.#items.get(id)?.entry.to
  }

  /** Whether so many more entries, with so much content together, are within the bounds. */
  hasRoom(contentBytes: number, entries: number): boolean {
    const { maxEntries, maxBytes } = this.#options
    return this.#items.size + entries <= maxEntries && this.#bytes + contentBytes <= maxBytes
  }

  add(entry: OutboxEntry): void {
    if (this.#items.has(entry.id)) return
    const item: Item = { entry, deviceCorrections: 0, sentAt: 0 }
    this.#items.set(entry.id, item)
    this.#bytes += entry.content.length
    this.#conversation(entry.to).waiting.push(item)
  }

  /** A new session: whatever has no answer is sent again, in order. */
  restart(): void {
    this.#unanswered = 0
    for (const conversation of this.#conversations.values()) {
      conversation.waiting = [...conversation.unanswered.values(), ...conversation.waiting].sort(byOrder)
      conversation.unanswered.clear()
      conversation.held = false
      conversation.resumeAt = 0
    }
  }

  /** What may be sent now, at most the window; counted as sent. Conversations take turns. */
  take(now: number): Sendable[] {
    const taken: Sendable[] = []
    let busy = [...this.#conversations.values()].filter((conversation) => mayContinue(conversation, now))
    while (busy.length > 0 && this.#unanswered < this.#options.window) {
      for (const conversation of busy) {
        const item = this.#unanswered < this.#options.window ? conversation.waiting.shift() : undefined
        if (item === undefined) continue
        this.#moveToBack(item.entry.to, conversation)
        taken.push({ entry: item.entry, first: conversation.unanswered.size === 0 })
        item.sentAt = now
        conversation.held = false
        conversation.unanswered.set(item.entry.id, item)
        this.#unanswered += 1
      }
      busy = busy.filter((conversation) => conversation.waiting.length > 0)
    }
    return taken
  }

  /** ✓ for this entry; undefined when it is none of the outbox. */
  accepted(id: string): OutboxEntry | undefined {
    const item = this.#items.get(id)
    if (item === undefined) return undefined
    const conversation = this.#conversation(item.entry.to)
    conversation.refusals = 0
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
    if (!conversation.unanswered.delete(id)) return undefined
    this.#unanswered -= 1
    const { held } = conversation
    conversation.held = true
    conversation.waiting.push(item)
    conversation.waiting.sort(byOrder)
    if (error.code === 'RESEND_FROM_FIRST') return undefined
    if (error.code === 'DEVICES_CHANGED') {
      item.deviceCorrections += 1
      if (item.deviceCorrections <= this.#options.maxDeviceCorrections) return undefined
    } else if (error.temporary) {
      // Those that were under way together are refused together: that is one more refusal, not many.
      if (!held) conversation.refusals += 1
      const { retryBaseMs, retryCapMs, maxToldMs } = this.#options
      const bound = Math.min(retryCapMs, retryBaseMs * 2 ** Math.min(Math.max(0, conversation.refusals - 1), 30))
      const delayMs = Math.max(bound, Math.min(error.retryAfterMs, maxToldMs))
      conversation.resumeAt = Math.max(conversation.resumeAt, now + Math.round(delayMs * (1 + this.#random() / 4)))
      return undefined
    }
    this.#remove(item, conversation)
    return item.entry
  }

  /** When {@link take} should be asked again although nothing was answered; undefined: not needed. */
  nextResumeAt(): number | undefined {
    let earliest: number | undefined
    for (const { held, waiting, unanswered, resumeAt } of this.#conversations.values()) {
      if (!held || waiting.length === 0 || unanswered.size > 0) continue
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

  #conversation(to: number): Conversation {
    let conversation = this.#conversations.get(to)
    if (conversation === undefined) {
      conversation = { waiting: [], unanswered: new Map(), held: false, resumeAt: 0, refusals: 0 }
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
    const { id, to, content } = item.entry
    this.#items.delete(id)
    this.#bytes -= content.length
    if (conversation.unanswered.delete(id)) this.#unanswered -= 1
    else conversation.waiting = conversation.waiting.filter((other) => other !== item)
    // `held` may be forgotten with an empty conversation: whatever comes next is sent with `first`.
    if (conversation.waiting.length === 0 && conversation.unanswered.size === 0) this.#conversations.delete(to)
  }
}

function mayContinue(conversation: Conversation, now: number): boolean {
  if (conversation.waiting.length === 0) return false
  return !conversation.held || (conversation.unanswered.size === 0 && conversation.resumeAt <= now)
}

function byOrder(a: Item, b: Item): number {
  return a.entry.order - b.entry.order
}
