/** A message that got ✓ and will not be shown any more in its place. */
export interface Loss {
  readonly id: string
  /** The devices, as `user.device`. */
  readonly from: string
  readonly to: string
  readonly evidence: string
}

/** What is on its way from one device to another, in the order in which it was sent. */
interface Pair {
  readonly from: string
  readonly waiting: Map<string, Waiting>
  sent: number
  /** The place of the latest that was shown. */
  lastShown: number
}

interface Waiting {
  readonly place: number
  /** Counted in events; undefined before ✓. */
  acceptedAt: number | undefined
}

const NONE = -1
const OVERTAKEN = 'a later one of its sender was shown'
const CAUGHT_UP = 'its device has caught up in a session that began after ✓'

/**
 * Says that a message is lost as soon as that is known, and not when all has come to rest: what got ✓ is shown before what
 * its sender sent later, and before a device whose session began after ✓ has caught up, if it knows the sender: what comes
 * from somebody new may wait for their device list. Each loss is told once. Pure, and no larger than what is on its way.
 */
export class LossWatch {
  readonly #onLoss: (loss: Loss) => void
  /** By the receiving device, and by the sending one. */
  readonly #pairs = new Map<string, Map<string, Pair>>()
  readonly #beganAt = new Map<string, number>()
  /** Counts the events: an order is all that matters. */
  #events = 0

  constructor(onLoss: (loss: Loss) => void) {
    this.#onLoss = onLoss
  }

  sent(id: string, from: string, to: string): void {
    const pair = this.#pair(from, to)
    pair.waiting.set(id, { place: pair.sent++, acceptedAt: undefined })
  }

  /** ✓ */
  accepted(id: string, from: string, to: string): void {
    const pair = this.#pair(from, to)
    const message = pair.waiting.get(id)
    if (message === undefined) return
    message.acceptedAt ??= ++this.#events
    if (message.place < pair.lastShown) this.#lost(id, pair, to, OVERTAKEN)
  }

  shown(id: string, from: string, to: string): void {
    const pair = this.#pair(from, to)
    const message = pair.waiting.get(id)
    if (message === undefined) return
    pair.waiting.delete(id)
    pair.lastShown = Math.max(pair.lastShown, message.place)
    for (const [other, { place, acceptedAt }] of pair.waiting) {
      if (place > message.place) break
      if (acceptedAt !== undefined) this.#lost(other, pair, to, OVERTAKEN)
    }
  }

  /** A device begins to connect. */
  connecting(device: string): void {
    this.#beganAt.set(device, ++this.#events)
  }

  /** The session that it made has brought all that waited. */
  caughtUp(device: string): void {
    const beganAt = this.#beganAt.get(device) ?? 0
    for (const pair of this.#pairs.get(device)?.values() ?? []) {
      if (pair.lastShown === NONE) continue
      for (const [id, { acceptedAt = beganAt }] of pair.waiting) {
        if (acceptedAt < beganAt) this.#lost(id, pair, device, CAUGHT_UP)
      }
    }
  }

  #lost(id: string, pair: Pair, to: string, evidence: string): void {
    pair.waiting.delete(id)
    this.#onLoss({ id, from: pair.from, to, evidence })
  }

  #pair(from: string, to: string): Pair {
    const pairs = this.#pairs.get(to) ?? new Map<string, Pair>()
    this.#pairs.set(to, pairs)
    const known = pairs.get(from)
    if (known !== undefined) return known
    const pair: Pair = { from, waiting: new Map(), sent: 0, lastShown: NONE }
    pairs.set(from, pair)
    return pair
  }
}
