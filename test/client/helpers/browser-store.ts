import type { Page } from 'playwright-core'
import { StoreClosedError, StoreLockedError } from '../../../client/store.ts'
import type { Store, Transaction } from '../../../client/store.ts'
import type * as page from './browser-store-page.ts'
import type { Outcome } from './browser-store-page.ts'

declare const there: typeof page

const ERRORS: Readonly<Record<string, new (message: string) => Error>> = {
  StoreClosedError,
  StoreLockedError,
  RangeError,
}

/** A store that a page has open, with its transactions in the hands of this process. */
export async function openInPage(tab: Page, name: string, takeOver = false): Promise<PageStore> {
  const number = unwrap(
    await tab.evaluate(([name, takeOver]) => there.openStore(name, takeOver), [name, takeOver] as const),
  )
  return new PageStore(tab, number)
}

export class PageStore implements Store {
  readonly #tab: Page
  readonly number: number

  constructor(tab: Page, number: number) {
    this.#tab = tab
    this.number = number
  }

  async transaction<T>(work: (transaction: Transaction) => Promise<T>): Promise<T> {
    const number = unwrap(await this.#tab.evaluate((store) => there.begin(store), this.number))
    let result: T
    const pending: Promise<unknown>[] = []
    try {
      result = await work(this.#transaction(number, pending))
      await Promise.all(pending)
    } catch (error) {
      await this.#tab.evaluate((transaction) => there.end(transaction, true), number)
      throw error
    }
    unwrap(await this.#tab.evaluate((transaction) => there.end(transaction, false), number))
    return result
  }

  async close(): Promise<void> {
    unwrap(await this.#tab.evaluate((store) => there.closeStore(store), this.number))
  }

  #transaction(number: number, pending: Promise<unknown>[]): Transaction {
    const tab = this.#tab
    return {
      async get(key) {
        const value = await tab.evaluate(([number, key]) => there.get(number, key), [number, key] as const)
        return value && Uint8Array.from(value)
      },
      async scan(range) {
        const records = await tab.evaluate(([number, range]) => there.scan(number, range), [number, range] as const)
        return records.map(([key, value]) => ({ key, value: Uint8Array.from(value) }))
      },
      put(key, value) {
        const change = [number, key, [...value]] as const
        pending.push(tab.evaluate(([number, key, value]) => there.put(number, key, value), change))
      },
      delete(key) {
        pending.push(tab.evaluate(([number, key]) => there.remove(number, key), [number, key] as const))
      },
    }
  }
}

function unwrap<T>(outcome: Outcome<T>): T {
  if ('value' in outcome) return outcome.value
  throw new (ERRORS[outcome.error] ?? Error)(outcome.error)
}
