import { Kind } from '../../proto/frames.ts'
import { isTracked } from '../shared/envelope.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Journal } from '../storage/journal.ts'
import type { ExpiredPage, RowKey } from '../storage/expired-rows.ts'
import type { Receipts } from './receipts.ts'

export interface ReturnsOptions {
  readonly receipts: Receipts
  journalOf(to: Address): Journal
  /** The first envelopes of a mailbox. */
  readMailbox(to: Address, limit: number): Promise<readonly Envelope[]>
}

/** The rows of one database that have expired. */
export interface ExpiredRows {
  /** Resolves with about how many there are, after which {@link mayEnd} knows of them. */
  survey(): Promise<number>
  find(after: RowKey): Promise<ExpiredPage>
  /** Whether any may be ended now. */
  mayEnd(): boolean
}

const PAGE_ROWS = 500

/** Ends what no device will fetch: the sender gets EXPIRED first, then the row goes. Receipts go without a word. */
export class Returns {
  readonly #options: ReturnsOptions

  constructor(options: ReturnsOptions) {
    this.#options = options
  }

  /**
   * Looks through rows of one database from a place on, page by page, and ends those that have expired, until `most` were
   * ended or it is told to stop. What no survey knew of is ended only after the next one: a clock may have stepped in
   * between. @returns where to go on; undefined: all rows were seen
   */
  async sweep(
    rows: ExpiredRows,
    from: RowKey,
    most: number,
  ): Promise<{ readonly ended: number; readonly next: RowKey | undefined }> {
    let ended = 0
    let at: RowKey | undefined = from
    let known = await rows.survey()
    while (at !== undefined && ended < most && rows.mayEnd()) {
      const { expired, next }: ExpiredPage = await rows.find(at)
      known -= expired.length
      if (known < 0) known = (await rows.survey()) - expired.length
      // Time has passed since the last look at the clocks.
      if (!rows.mayEnd()) break
      const done = await Promise.all(expired.map((envelope) => this.end(envelope)))
      ended += done.filter(Boolean).length
      at = next
    }
    return { ended, next: at }
  }

  /** Empties the mailbox of a device that is gone. */
  async returnMailbox(to: Address): Promise<void> {
    for (;;) {
      const envelopes = await this.#options.readMailbox(to, PAGE_ROWS)
      if (envelopes.length === 0) return
      const ended = await Promise.all(envelopes.map((envelope) => this.end(envelope)))
      if (!ended.includes(true))
        throw new RefusalError('UNAVAILABLE', 'The mailbox cannot be returned to its senders now')
    }
  }

  /** Ends one envelope that is a row. False: its sender could not be told now, and the row stays. */
  async end(envelope: Envelope): Promise<boolean> {
    if (isTracked(envelope) && !(await this.#tellSender(envelope))) return false
    await deleteRow(this.#options.journalOf(envelope.to), envelope)
    return true
  }

  #tellSender({ from, to, id }: Envelope): Promise<boolean> {
    const receipt = { kind: Kind.EXPIRED, id: '', from: to, to: from.user, about: [id] }
    return new Promise((resolve) => {
      this.#options.receipts.send(
        receipt,
        { receiptSent: (_item, notTaken) => resolve(notTaken === undefined) },
        undefined,
      )
    })
  }
}

/** Resolves when the row is gone. */
export function deleteRow(journal: Journal, { to, messageId }: Envelope): Promise<void> {
  return new Promise((resolve) => {
    journal.delete(to, messageId, { deleted: () => resolve() }, undefined)
  })
}
