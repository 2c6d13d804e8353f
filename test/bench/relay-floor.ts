import type { Load } from './load.ts'
import { measure } from './measure.ts'
import type { Measurement, MeasureOptions, Rig } from './measure.ts'
import { spread } from './statistics.ts'
import type { Spread } from './statistics.ts'

/** What the relay takes for the same seven frames. */
export interface Floor {
  readonly micros: Spread
  readonly livesPerSecond: Spread
  readonly messagesPerLife: number
}

/** The relay, measured over and over, so that each load has it just before and after. */
export class RelayFloor {
  readonly #rig: Rig
  readonly #load: Load
  readonly #times: MeasureOptions
  readonly #measured: Measurement[] = []

  constructor(rig: Rig, pairs: number, times: MeasureOptions) {
    this.#rig = rig
    this.#load = { target: 'relay', pairs, window: 1, ackDelayMs: 0 }
    this.#times = times
  }

  async warmUp(): Promise<void> {
    await measure(this.#rig, this.#load, this.#times)
  }

  /** CPU in µs for each life, this time. */
  async measure(): Promise<number> {
    const measurement = await measure(this.#rig, this.#load, this.#times)
    this.#measured.push(measurement)
    return measurement.relayMicros
  }

  get results(): Floor {
    const of = (pick: (measurement: Measurement) => number): Spread => spread(this.#measured.map(pick))
    return {
      micros: of(({ relayMicros }) => relayMicros),
      livesPerSecond: of(({ livesPerSecond }) => livesPerSecond),
      messagesPerLife: of(({ messagesPerLife }) => messagesPerLife).median,
    }
  }
}
