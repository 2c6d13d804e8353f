import { setTimeout as delay } from 'node:timers/promises'
import type { Events } from '../shared/events.ts'
import type { UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { IdempotencyKeys, IdempotentRequest } from '../storage/idempotency-keys.ts'
import type { ApiAnswer } from './route.ts'
import { hashParts, openAnswer, sealAnswer } from './sealed-answer.ts'

const POLL_MS = 50
const POLLS = 100

export interface KeyedRequest {
  /** Under whom the key is kept. */
  readonly user: UserId
  /** Names the route, and what it is about: a key counts for that. */
  readonly route: string
  /** The Idempotency-Key. */
  readonly key: string
  /** What it asks for: the same bytes for the same. */
  readonly request: Uint8Array
}

/**
 * Carries a request with an Idempotency-Key out once, on whichever node it arrives: another one with the same key waits
 * for the answer of the first and gets the same. Only successes are remembered.
 */
export class Idempotency {
  readonly #keys: IdempotencyKeys
  readonly #events: Events

  constructor(keys: IdempotencyKeys, events: Events) {
    this.#keys = keys
    this.#events = events
  }

  /** @throws RefusalError: BAD_REQUEST for no good key, IDEMPOTENCY_CONFLICT, OVERLOADED when the first one takes too long */
  async run(keyed: KeyedRequest, handle: () => Promise<ApiAnswer> | ApiAnswer): Promise<ApiAnswer> {
    const { user, route, key } = keyed
    if (!/^[\x20-\x7e]{1,255}$/.test(key)) {
      throw new RefusalError('BAD_REQUEST', 'The Idempotency-Key must be 1 to 255 printable ASCII characters')
    }
    const request = { user, keyHash: hashParts(route, key), requestHash: hashParts(keyed.request) }
    const response = await this.#claim(request)
    if (response !== undefined) {
      return { ...openAnswer(response, key, keyed.request), headers: { 'idempotency-replayed': 'true' } }
    }
    let answer: ApiAnswer
    try {
      answer = await handle()
    } catch (error) {
      await this.#keys.release(request).catch((cause: unknown) => this.#events.taskFailed('idempotency', cause))
      throw error
    }
    // The effect is there: its answer counts, whether or not it can be remembered.
    const sealed = sealAnswer(answer, key, keyed.request)
    await this.#keys.answer(request, sealed).catch((cause: unknown) => this.#events.taskFailed('idempotency', cause))
    return answer
  }

  /** Undefined: it is this request that shall be carried out. */
  async #claim(request: IdempotentRequest): Promise<Buffer | undefined> {
    for (let poll = 0; poll < POLLS; poll++) {
      const claim = await this.#keys.claim(request)
      if (claim.outcome === 'claimed') return undefined
      if (claim.outcome === 'answered') return claim.response
      if (claim.outcome === 'conflict') {
        throw new RefusalError('IDEMPOTENCY_CONFLICT', 'This Idempotency-Key came before with another body')
      }
      await delay(POLL_MS)
    }
    throw new RefusalError('OVERLOADED', 'The same request is still being carried out', { retryAfterMs: 1_000 })
  }
}
