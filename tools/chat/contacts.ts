import type { Store } from '../../client/index.ts'
import { Names, tidyName } from './names.ts'

/** Beside what the SDK keeps in the store: so it is sealed as that is, and stays on this machine. */
const KEY = 'terminal/names'

/** Who is called how, kept with the account on this machine. */
export class Contacts {
  readonly #store: Store
  #names: Names

  private constructor(store: Store, names: Names) {
    this.#store = store
    this.#names = names
  }

  static async open(store: Store): Promise<Contacts> {
    const kept = await store.transaction((transaction) => transaction.get(KEY))
    return new Contacts(store, kept === undefined ? new Names() : readNames(kept))
  }

  get names(): Names {
    return this.#names
  }

  /**
   * Gives somebody a name, or with '' takes it away. It is kept when this resolves.
   *
   * @returns what to tell the person
   */
  async call(user: number, typed: string): Promise<string> {
    const name = tidyName(typed)
    const refusal = typed === '' ? undefined : this.#names.refuse(user, name)
    if (refusal !== undefined) return refusal
    const before = this.#names.nameOf(user)
    const names = this.#names.with(user, name)
    this.#names = names
    const value = new TextEncoder().encode(JSON.stringify(names.entries))
    await this.#store.transaction(async (transaction) => transaction.put(KEY, value))
    return name === '' ? `${before} has no name any more` : `${before} is called ${name}`
  }
}

function readNames(kept: Uint8Array): Names {
  return new Names(JSON.parse(new TextDecoder().decode(kept)) as [number, string][])
}
