/** How far a message has come, as its sender sees it: later ones include the earlier. */
const STATUSES = ['waiting', 'accepted', 'delivered', 'read', 'played'] as const
type Status = (typeof STATUSES)[number]

/** A message as somebody sent it. Devices are named `user.device`. */
export interface SentMessage {
  readonly id: string
  /** The sending device. */
  readonly from: string
  /** The receiving user. */
  readonly to: number
  readonly text: string
}

/** A message as a device showed it. */
export interface ShownMessage {
  readonly id: string
  readonly from: string
  readonly text: string
}

/**
 * What was found wrong: message ids, or for what nobody sent, the id that it came with; of stopped clients their devices.
 * All empty: all is well.
 */
export interface Findings {
  /** Accepted (✓) and not shown on every device of the recipient. */
  readonly lost: readonly string[]
  /** Shown more than once on one device. */
  readonly duplicated: readonly string[]
  /** Shown after a later one of the same sending device. */
  readonly outOfOrder: readonly string[]
  /** Shown, and never sent to this user, or with another text. */
  readonly unsent: readonly string[]
  /** Sent and never accepted. */
  readonly unaccepted: readonly string[]
  /** Shown, while the sender still waits for ✓✓. */
  readonly undelivered: readonly string[]
  /** Marked as read, and the sender was never told. */
  readonly unread: readonly string[]
  /** Their receipts moved back. */
  readonly movedBack: readonly string[]
  /** Devices whose client does not connect any more, though nobody removed them. */
  readonly stopped: readonly string[]
}

interface Tracked extends SentMessage {
  /** Its place among what its device sent to this user. */
  readonly place: number
  rank: number
  /** ms since 1970; undefined before ✓. */
  acceptedAt: number | undefined
  /** Its recipient has marked it as read. */
  isSeen: boolean
}

/**
 * A total-queue checker: it is told every send, receipt and display, and says whether what was accepted was shown, once,
 * in order, and nothing else, and whether every receipt came. Pure: clocks and clients stay outside.
 */
export class Checker {
  readonly #sent = new Map<string, Tracked>()
  readonly #places = new Map<string, number>()
  /** For each device the messages that it showed, in this order. */
  readonly #shown = new Map<string, ShownMessage[]>()
  readonly #movedBack = new Set<string>()
  readonly #stopped = new Set<string>()
  readonly #now: () => number
  /** Messages that came as far as each status, or further. */
  readonly #reached = STATUSES.map(() => 0)

  /** @param now - ms since 1970, to say when a message got ✓ */
  constructor(now: () => number = Date.now) {
    this.#now = now
  }

  sent(message: SentMessage): void {
    const pair = `${message.from} ${message.to}`
    const place = this.#places.get(pair) ?? 0
    this.#places.set(pair, place + 1)
    this.#sent.set(key(message), { ...message, place, rank: 0, acceptedAt: undefined, isSeen: false })
    this.#reached[0]! += 1
  }

  /** The sender was told that its message has come so far. */
  receipt(from: string, id: string, status: Status): void {
    const message = this.#sent.get(key({ from, id }))
    if (message === undefined) return
    const rank = STATUSES.indexOf(status)
    if (rank < message.rank) this.#movedBack.add(id)
    if (rank >= 1) message.acceptedAt ??= this.#now()
    while (message.rank < rank) this.#reached[++message.rank]! += 1
  }

  /** A device showed a message. */
  shown(device: string, message: ShownMessage): void {
    const messages = this.#shown.get(device) ?? []
    this.#shown.set(device, messages)
    messages.push(message)
  }

  /** The person who uses a device has marked a message as read. */
  seen(message: Pick<ShownMessage, 'id' | 'from'>): void {
    const sent = this.#sent.get(key(message))
    if (sent !== undefined) sent.isSeen = true
  }

  /** The client of a device has given up for good, and nobody wanted it to. */
  stopped(device: string): void {
    this.#stopped.add(device)
  }

  /** A message in words: its id, from whom to whom, and when it got ✓. */
  describe(id: string): string {
    const message = [...this.#sent.values()].find((one) => one.id === id)
    if (message === undefined) return id
    const { from, to, acceptedAt } = message
    const when = acceptedAt === undefined ? 'no ✓' : `✓ at ${new Date(acceptedAt).toISOString()}`
    return `${id} from ${from} to ${to}, ${when}`
  }

  /** How many messages were shown to whom they were sent, with the text that they were sent with. */
  get shownAsSent(): number {
    let count = 0
    for (const [device, messages] of this.#shown) {
      const good = messages.filter((one) => {
        const sent = this.#sent.get(key(one))
        return sent?.text === one.text && String(sent.to) === device.split('.')[0]
      })
      count += new Set(good.map(key)).size
    }
    return count
  }

  /** Counts that rise until all is done: sent, ✓, ✓✓, read. */
  progress(): { sent: number; accepted: number; delivered: number; read: number } {
    const [sent = 0, accepted = 0, delivered = 0, read = 0] = this.#reached
    return { sent, accepted, delivered, read }
  }

  /** @param devicesOf - the devices of a user that must have shown what was accepted for it */
  findings(devicesOf: (user: number) => readonly string[]): Findings {
    const shownOn = new Map([...this.#shown].map(([device, messages]) => [device, new Set(messages.map(key))]))
    const isShown = (message: Tracked, device: string): boolean => shownOn.get(device)?.has(key(message)) === true
    const all = [...this.#sent.values()]
    const ids = (messages: readonly Tracked[]): string[] => messages.map(({ id }) => id)
    return {
      lost: ids(all.filter((one) => one.rank >= 1 && !devicesOf(one.to).every((device) => isShown(one, device)))),
      unaccepted: ids(all.filter(({ rank }) => rank < 1)),
      undelivered: ids(all.filter((one) => one.rank < 2 && devicesOf(one.to).some((device) => isShown(one, device)))),
      unread: ids(all.filter(({ isSeen, rank }) => isSeen && rank < 3)),
      movedBack: [...this.#movedBack],
      stopped: [...this.#stopped],
      ...this.#checkShown(),
    }
  }

  #checkShown(): Pick<Findings, 'duplicated' | 'outOfOrder' | 'unsent'> {
    const duplicated: string[] = []
    const outOfOrder: string[] = []
    const unsent: string[] = []
    for (const [device, messages] of this.#shown) {
      const seen = new Set<string>()
      const lastPlaces = new Map<string, number>()
      for (const message of messages) {
        const sent = this.#sent.get(key(message))
        if (sent === undefined || sent.text !== message.text || String(sent.to) !== device.split('.')[0]) {
          unsent.push(message.id)
          continue
        }
        if (seen.has(key(message))) duplicated.push(message.id)
        seen.add(key(message))
        const last = lastPlaces.get(message.from) ?? -1
        if (sent.place < last) outOfOrder.push(message.id)
        lastPlaces.set(message.from, Math.max(last, sent.place))
      }
    }
    return { duplicated, outOfOrder, unsent }
  }
}

/** Whether nothing was found wrong. */
export function isClean(findings: Findings): boolean {
  return Object.values(findings).every((ids: readonly string[]) => ids.length === 0)
}

function key({ from, id }: Pick<ShownMessage, 'from' | 'id'>): string {
  return `${from} ${id}`
}
