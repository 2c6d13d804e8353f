import type { ClientSignalFrame, WireAddress } from '../proto/frames.ts'
import type { Clock } from './clock.ts'
import type { Ledger } from './ledger.ts'
import { SecretSignals } from './secrecy/secret-signals.ts'
import { decodeTyping, encodeTyping, Typing } from './typing.ts'

export interface SignalsOwner {
  readonly ledger: Ledger
  readonly clock: Clock
  isOnline(): boolean
  send(frame: ClientSignalFrame): void
  typing(user: number, typing: boolean): void
  /** A signal that is not the SDK's own. */
  signalled(from: WireAddress, payload: Uint8Array): void
}

/** What is carried at once, encrypted, or dropped. */
export class Signals {
  readonly #owner: SignalsOwner
  readonly #secret = new SecretSignals()
  readonly #typing: Typing

  constructor(owner: SignalsOwner) {
    this.#owner = owner
    this.#typing = new Typing(owner.clock, (user, typing) => owner.typing(user, typing))
  }

  send(to: WireAddress, payload: Uint8Array): void {
    const { ledger, isOnline, send } = this.#owner
    if (!isOnline()) return
    ledger.record({
      apply: (transaction) => this.#secret.seal(transaction, to, payload, this.#owner.clock.now()),
      done: (signals) => {
        for (const signal of signals) send({ type: 'signal', ...signal })
      },
      failed: () => {},
    })
  }

  received(from: WireAddress, payload: Uint8Array): void {
    const { ledger, signalled } = this.#owner
    ledger.record({
      apply: (transaction) => this.#secret.open(transaction, from, payload, this.#owner.clock.now()),
      done: (opened) => {
        if (opened === undefined) return
        const typing = decodeTyping(opened)
        if (typing === undefined) signalled(from, opened)
        else this.#typing.heard(from.user, typing)
      },
      failed: () => {},
    })
  }

  /** Tells a user that this one is writing, or has stopped. */
  tellTyping(user: number, typing: boolean): void {
    if (!this.#owner.isOnline() || !this.#typing.shouldTell(user, typing)) return
    this.send({ user, device: 0 }, encodeTyping(typing))
  }

  /** A message went to the user, which ends the typing on the other side too. */
  sentTo(user: number): void {
    this.#typing.sent(user)
  }

  /** A message came from the user: the writing has ended. */
  heardOf(user: number): void {
    this.#typing.heard(user, false)
  }

  close(): void {
    this.#typing.close()
  }
}
