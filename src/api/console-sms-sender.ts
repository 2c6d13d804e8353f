import type { Logger } from '../shared/logger.ts'
import type { SmsSender } from './sms-sender.ts'

/** Sends nothing: the operator reads the text in the log, however little else is logged, and passes it on. */
export class ConsoleSmsSender implements SmsSender {
  readonly #logger: Logger

  constructor(logger: Logger) {
    this.#logger = logger.child({}, { level: 'info' })
  }

  send(to: string, text: string): Promise<void> {
    this.#logger.info({ event: 'sms', to, text })
    return Promise.resolve()
  }
}
