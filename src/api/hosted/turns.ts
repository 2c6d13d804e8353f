import { addressKey } from '../../shared/ids.ts'
import type { Address } from '../../shared/ids.ts'

/** Lets one piece of work after the other at a device, so that those that wait hold no connection. */
export class Turns {
  readonly #last = new Map<number, Promise<unknown>>()

  take<Answer>({ user, device }: Address, work: () => Promise<Answer>): Promise<Answer> {
    const key = addressKey(user, device)
    const result = (this.#last.get(key) ?? Promise.resolve()).then(work)
    const ended = result
      .catch(() => undefined)
      .then(() => {
        if (this.#last.get(key) === ended) this.#last.delete(key)
      })
    this.#last.set(key, ended)
    return result
  }
}
