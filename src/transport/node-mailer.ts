import { encodeMail } from './node-mail.ts'
import type { MailItem } from './node-mail.ts'

interface Bag {
  items: MailItem[]
  bytes: number
}

export type SendMail = (to: string, mail: Uint8Array, items: readonly MailItem[]) => void

/** A bag that holds so much leaves before the end of the tick. */
const MAX_BYTES = 256 * 1024
/** About what an item takes beside its data. */
const ITEM_BYTES = 64

/** Gathers what goes to each other node during a tick, and sends it as one message. */
export class NodeMailer {
  readonly #node: string
  readonly #send: SendMail
  readonly #bags = new Map<string, Bag>()
  #scheduled = false

  constructor(node: string, send: SendMail) {
    this.#node = node
    this.#send = send
  }

  add(to: string, item: MailItem): void {
    const bytes = ITEM_BYTES + (item.type === 'nobody' ? 0 : item.data.length)
    let bag = this.#bags.get(to)
    if (bag !== undefined && bag.bytes + bytes > MAX_BYTES) {
      this.#sendBag(to, bag)
      bag = undefined
    }
    if (bag === undefined) {
      bag = { items: [], bytes: 0 }
      this.#bags.set(to, bag)
    }
    bag.items.push(item)
    bag.bytes += bytes
    if (this.#scheduled) return
    this.#scheduled = true
    setImmediate(() => this.flush())
  }

  /** Sends what has gathered. */
  flush(): void {
    this.#scheduled = false
    for (const [to, bag] of this.#bags) this.#sendBag(to, bag)
  }

  #sendBag(to: string, bag: Bag): void {
    this.#bags.delete(to)
    this.#send(to, encodeMail({ node: this.#node, items: bag.items }), bag.items)
  }
}
