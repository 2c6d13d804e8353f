import { parsePhoneNumberFromString } from 'libphonenumber-js/min'
import type { UserId } from '../shared/ids.ts'
import type { Bucket } from '../storage/buckets.ts'
import type { Budgets } from './budgets.ts'

export interface SmsBudgetEvents {
  /** So much is left of a budget: a share, 0 to 1. */
  smsBudgetLeft(budget: string, share: number): void
  smsBudgetLow(budget: string, share: number): void
  smsBudgetSpent(budget: string): void
}

/** Below this share the operator is told: 80 % are used. */
const LOW = 0.2
/** From this share on the next fall is told again. */
const CALM = 0.5

const ALL = 'all'

/** What text messages may cost: by country calling code, and in all. Says when a budget runs out. */
export class SmsBudget {
  readonly #budgets: Budgets
  readonly #events: SmsBudgetEvents
  /** What was said of a budget last; of those that fell: at most one for each country calling code. */
  readonly #told = new Map<string, 'low' | 'spent'>()

  constructor(budgets: Budgets, events: SmsBudgetEvents) {
    this.#budgets = budgets
    this.#events = events
  }

  /** The buckets that a code to this number is taken from. */
  bucketsFor(user: UserId): readonly Bucket[] {
    const code = parsePhoneNumberFromString(`+${user}`)?.countryCallingCode ?? '0'
    return [this.#budgets.of('codesPerCountry', `+${code}`), this.#budgets.of('codesInAll', ALL)]
  }

  /** So much was left of each of those buckets. */
  note(buckets: readonly Bucket[], left: readonly number[]): void {
    for (const [index, { key, limit }] of buckets.entries()) this.#note(String(key), left[index]! / limit.burst)
  }

  /** A bucket was empty. */
  noteEmpty({ name, key }: Bucket): void {
    if (name !== 'codesPerCountry' && name !== 'codesInAll') return
    const budget = String(key)
    this.#events.smsBudgetLeft(budget, 0)
    if (this.#told.get(budget) === 'spent') return
    this.#told.set(budget, 'spent')
    this.#events.smsBudgetSpent(budget)
  }

  #note(budget: string, share: number): void {
    this.#events.smsBudgetLeft(budget, share)
    if (share >= CALM) this.#told.delete(budget)
    if (share >= LOW || this.#told.has(budget)) return
    this.#told.set(budget, 'low')
    this.#events.smsBudgetLow(budget, share)
  }
}
