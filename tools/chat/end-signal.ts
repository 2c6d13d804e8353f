import { constants } from 'node:os'

const SIGNALS = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const

/** Asks the process to end in good order: a second one of the same kind ends it at once. */
export class EndSignal {
  /** Resolves with the exit code that shells expect when the first one comes. */
  readonly came: Promise<number>

  constructor() {
    const { promise, resolve } = Promise.withResolvers<number>()
    for (const signal of SIGNALS) process.once(signal, () => resolve(128 + constants.signals[signal]))
    this.came = promise
  }
}
