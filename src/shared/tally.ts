import { Counter } from 'prom-client'
import type { Registry } from 'prom-client'

export interface TallyOptions<Value extends string> {
  readonly name: string
  readonly help: string
  readonly label: string
  /** All that there are: each is shown from the start, with 0. */
  readonly values: readonly Value[]
  readonly registry: Registry
}

/** A counter with one label whose values are fixed. Counting is an addition; prom-client hears of it when asked. */
export class Tally<Value extends string> {
  readonly #counts: Record<Value, number>

  constructor({ name, help, label, values, registry }: TallyOptions<Value>) {
    const counts = Object.fromEntries(values.map((value) => [value, 0])) as Record<Value, number>
    this.#counts = counts
    const counter = new Counter({
      name,
      help,
      labelNames: [label],
      registers: [registry],
      collect() {
        this.reset()
        for (const value of values) this.inc({ [label]: value }, counts[value])
      },
    })
    void counter
  }

  add(value: Value): void {
    this.#counts[value]++
  }
}
