import { CloseCode } from '../../proto/close-codes.ts'
import type { BusHandler } from '../transport/bus.ts'
import { decodeRequest, encodeReply } from '../transport/mailbox-protocol.ts'
import type { MailboxAnswer, TakeOverRequest } from '../transport/mailbox-protocol.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { UserId } from '../shared/ids.ts'
import type { Batch, Outcome } from './batch.ts'
import type { MailboxActor } from './mailbox-actor.ts'

/** What answers for the user, whatever the mailbox holds. */
export interface UserPresence {
  /** An encoded presence state. */
  answer(user: UserId): Uint8Array
  /** Others may see the user, or the user others, who could not, or the other way round. */
  privacyHeard(user: UserId): void
}

/** A mailbox actor's ear on the bus: what other nodes ask of it. */
export class MailboxEndpoint implements BusHandler {
  readonly #actor: MailboxActor
  readonly #presence: UserPresence
  readonly #recheck: (actor: MailboxActor) => Promise<void>

  /** @param recheck - closes the actor if its device is gone */
  constructor(actor: MailboxActor, presence: UserPresence, recheck: (actor: MailboxActor) => Promise<void>) {
    this.#actor = actor
    this.#presence = presence
    this.#recheck = recheck
  }

  onBusMessage(data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined): void {
    const request = decodeRequest(data, this.#actor.address)
    if (request.type === 'batch' && reply !== undefined) {
      this.#actor.post(new RemoteBatch(request.envelopes, request.incarnation, reply))
    } else if (request.type === 'wake') {
      this.#actor.wake()
    } else if (request.type === 'takeOver' && reply !== undefined) {
      void this.#takeOver(request, reply)
    } else if (request.type === 'signal') {
      this.#actor.signal({ type: 'signal', from: request.from, payload: request.payload })
    } else if (request.type === 'presence') {
      reply?.(this.#presence.answer(this.#actor.address.user))
    } else if (request.type === 'privacy') {
      this.#presence.privacyHeard(this.#actor.address.user)
    } else if (request.type === 'removed') {
      const { incarnation } = this.#actor
      // Without the database nothing is certain, and nothing is said.
      this.#recheck(this.#actor).then(
        () => reply?.(encodeReply({ incarnation, answers: [], supersededBy: 0 })),
        () => undefined,
      )
    }
  }

  async #takeOver(asker: TakeOverRequest, reply: (data: Uint8Array) => void): Promise<void> {
    if (asker.incarnation === this.#actor.incarnation) return
    const superseded = this.#actor.isNewerThan(asker)
    if (!superseded) await this.#actor.close(CloseCode.REPLACED)
    const { incarnation, number } = this.#actor
    reply(encodeReply({ incarnation, answers: [], supersededBy: superseded ? number : 0 }))
  }
}

/** A batch of another node. The answers of a tick go back in one message. */
class RemoteBatch implements Batch {
  readonly envelopes: readonly Envelope[]
  readonly incarnation: string | undefined
  readonly #reply: (data: Uint8Array) => void
  #answers: MailboxAnswer[] = []
  #by = ''

  constructor(envelopes: readonly Envelope[], incarnation: string | undefined, reply: (data: Uint8Array) => void) {
    this.envelopes = envelopes
    this.incarnation = incarnation
    this.#reply = reply
  }

  answer(index: number, outcome: Outcome, incarnation: string): void {
    if (this.#answers.length > 0 && this.#by !== incarnation) this.#send()
    if (this.#answers.length === 0) queueMicrotask(() => this.#send())
    this.#by = incarnation
    this.#answers.push({ index, outcome })
  }

  #send(): void {
    if (this.#answers.length === 0) return
    this.#reply(encodeReply({ incarnation: this.#by, answers: this.#answers, supersededBy: 0 }))
    this.#answers = []
  }
}
