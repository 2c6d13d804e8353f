import { RefusalError } from './refusal.ts'

export interface BatcherOptions<Request, Answer> {
  /** Answers in the order of the requests; a rejection goes to all of them. */
  readonly run: (requests: readonly Request[]) => Promise<readonly Answer[]>
  /** Requests of one key never share a batch. */
  readonly keyOf: (request: Request) => string
  readonly maxBatch: number
  /** Beyond it a request is refused. */
  readonly maxWaiting: number
}

interface Waiting<Request, Answer> {
  readonly request: Request
  readonly resolve: (answer: Answer) => void
  readonly reject: (error: unknown) => void
}

const RETRY_AFTER_MS = 1_000

/**
 * Turns many single requests into few batches: those of one tick share one, and while a batch is under way the next one
 * gathers. So its size follows the load, and nothing waits for a timer.
 */
export class Batcher<Request, Answer> {
  readonly #options: BatcherOptions<Request, Answer>
  /** Made once: a stack for each of many refusals would cost more than what is refused. */
  readonly #overloaded = new RefusalError('OVERLOADED', 'Too many requests wait here', { retryAfterMs: RETRY_AFTER_MS })
  #waiting: Waiting<Request, Answer>[] = []
  #running = false

  constructor(options: BatcherOptions<Request, Answer>) {
    this.#options = options
  }

  /** @throws RefusalError with OVERLOADED when too many wait already */
  add(request: Request): Promise<Answer> {
    if (this.#waiting.length >= this.#options.maxWaiting) return Promise.reject(this.#overloaded)
    return new Promise((resolve, reject) => {
      this.#waiting.push({ request, resolve, reject })
      if (!this.#running) {
        this.#running = true
        setImmediate(() => void this.#runBatches())
      }
    })
  }

  async #runBatches(): Promise<void> {
    while (this.#waiting.length > 0) {
      const batch = this.#nextBatch()
      try {
        const answers = await this.#options.run(batch.map(({ request }) => request))
        batch.forEach(({ resolve }, index) => resolve(answers[index] as Answer))
      } catch (error) {
        for (const { reject } of batch) reject(error)
      }
    }
    this.#running = false
  }

  #nextBatch(): Waiting<Request, Answer>[] {
    const batch = new Map<string, Waiting<Request, Answer>>()
    const passedOver: Waiting<Request, Answer>[] = []
    let i = 0
    for (; i < this.#waiting.length && batch.size < this.#options.maxBatch; i++) {
      const waiting = this.#waiting[i]!
      const key = this.#options.keyOf(waiting.request)
      if (batch.has(key)) passedOver.push(waiting)
      else batch.set(key, waiting)
    }
    this.#waiting = passedOver.concat(this.#waiting.slice(i))
    return [...batch.values()]
  }
}
