import type { Writable } from 'node:stream'
import type { Logger } from '../shared/logger.ts'
import type { SmsSender } from './sms-sender.ts'

/** Sends nothing: the operator reads the text in the log, however little else is logged, and passes it on. */
export class ConsoleSmsSender implements SmsSender {
  readonly #logger: Logger
  readonly #terminal: Writable | undefined

  /** @param terminal - where a person looks at the log: within its long lines the code would be hard to find */
  constructor(logger: Logger, terminal?: Writable) {
    this.#logger = logger.child({}, { level: 'info' })
    this.#terminal = terminal
  }

  send(to: string, text: string): Promise<void> {
    this.#logger.info({ event: 'sms', to, text })
    this.#terminal?.write(`\n    ${to}: ${text}\n\n`)
    return Promise.resolve()
  }
}
