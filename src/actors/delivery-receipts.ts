import { Kind } from '../../proto/frames.ts'
import type { UserId } from '../shared/ids.ts'
import type { NotTaken } from './batch.ts'
import type { InFlight } from './in-flight.ts'
import type { MailboxActor } from './mailbox-actor.ts'
import type { ReceiptListener, Receipts } from './receipts.ts'
import { MAX_ABOUT } from '../../proto/limits.ts'

/** Envelopes of one sender that end in one way. */
interface Group {
  readonly actor: MailboxActor
  readonly to: UserId
  readonly kind: Kind
  readonly items: InFlight[]
}

const RETRY_MS = 500

/**
 * Tells senders that their messages were delivered, or have expired: one receipt for all that ended in one turn. A row
 * goes only after its receipt is stored, so a refused receipt is sent again until it is.
 */
export class DeliveryReceipts implements ReceiptListener<Group> {
  readonly #receipts: Receipts
  #refused: Group[] = []
  #timer: NodeJS.Timeout | undefined

  constructor(receipts: Receipts) {
    this.#receipts = receipts
  }

  send(actor: MailboxActor, items: readonly InFlight[]): void {
    for (const group of groupBySender(actor, items)) this.#send(group)
  }

  receiptSent(group: Group, notTaken: NotTaken | undefined): void {
    if (notTaken === undefined) {
      for (const item of group.items) group.actor.receiptAccepted(item)
      return
    }
    // A closed actor's rows are read again by the next one, which tells their senders.
    if (group.actor.closed) return
    this.#refused.push(group)
    this.#timer ??= setTimeout(this.#retry, RETRY_MS)
  }

  stop(): void {
    clearTimeout(this.#timer)
    this.#timer = undefined
    this.#refused = []
  }

  readonly #retry = (): void => {
    this.#timer = undefined
    const groups = this.#refused
    this.#refused = []
    for (const group of groups) this.#send(group)
  }

  #send(group: Group): void {
    const about = group.items.map(({ envelope }) => envelope.id)
    const receipt = { kind: group.kind, id: '', from: group.actor.address, to: group.to, about }
    this.#receipts.send(receipt, this, group)
  }
}

function groupBySender(actor: MailboxActor, items: readonly InFlight[]): readonly Group[] {
  const groups: Group[] = []
  const [only] = items
  if (only !== undefined && items.length === 1)
    return [{ actor, to: only.envelope.from.user, kind: kindOf(only), items: [only] }]
  /** The group that still has room, by sender and kind. */
  const open = new Map<number, Group>()
  for (const item of items) {
    const to = item.envelope.from.user
    const kind = kindOf(item)
    const key = kind === Kind.EXPIRED ? -to : to
    let group = open.get(key)
    if (group === undefined || group.items.length === MAX_ABOUT) {
      group = { actor, to, kind, items: [] }
      open.set(key, group)
      groups.push(group)
    }
    group.items.push(item)
  }
  return groups
}

/** What was never delivered has expired. */
function kindOf({ seq }: InFlight): Kind {
  return seq === 0 ? Kind.EXPIRED : Kind.DELIVERED
}
