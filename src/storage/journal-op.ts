import type { Envelope } from '../shared/envelope.ts'
import type { Address, MessageId } from '../shared/ids.ts'

/** Whoever asked for an append: told once, unless the append is struck out. */
export interface AppendListener<Item> {
  appended(item: Item): void
  /** It surely is not in PostgreSQL, and will not be. */
  notAppended(item: Item): void
}

export interface DeleteListener<Item> {
  deleted(item: Item): void
}

/** An envelope on its way to a row. */
export class Append {
  readonly envelope: Envelope
  state: 'buffered' | 'flushing' | 'done' = 'buffered'
  readonly bufferedAt: number
  /** It waits for the acknowledgement that may make its row unnecessary. */
  readonly patient: boolean
  readonly #listener: AppendListener<unknown>
  readonly #item: unknown

  constructor(
    envelope: Envelope,
    bufferedAt: number,
    patient: boolean,
    listener: AppendListener<unknown>,
    item: unknown,
  ) {
    this.envelope = envelope
    this.bufferedAt = bufferedAt
    this.patient = patient
    this.#listener = listener
    this.#item = item
  }

  settle(outcome: 'appended' | 'notAppended'): void {
    this.state = 'done'
    this.#listener[outcome](this.#item)
  }
}

/** A row on its way out. */
export class Delete {
  readonly to: Address
  readonly messageId: MessageId
  readonly bufferedAt: number
  readonly #listener: DeleteListener<unknown>
  readonly #item: unknown

  constructor(to: Address, messageId: MessageId, bufferedAt: number, listener: DeleteListener<unknown>, item: unknown) {
    this.to = to
    this.messageId = messageId
    this.bufferedAt = bufferedAt
    this.#listener = listener
    this.#item = item
  }

  settle(): void {
    this.#listener.deleted(this.#item)
  }
}
