import { LRUCache } from 'lru-cache'
import { Batcher } from '../shared/batcher.ts'
import { addressKey, type DeviceId, formatAddress, MAX_DEVICES, type UserId } from '../shared/ids.ts'
import type { Database } from './database.ts'
import {
  type ConnectAnswer,
  connectDevices,
  type ConnectRequest,
  identifyDevices,
  type Identity,
  type TokenRequest,
} from './devices.ts'
import { isRefusedSlot } from './pg-error.ts'
import { unavailable } from './shards.ts'
import type { Shards } from './shards.ts'
import { hashToken, parseToken } from './token.ts'

export interface TokenLookupOptions {
  /** Per database; more are refused with OVERLOADED. */
  readonly maxWaitingLookups: number
  /** Tokens a statement. */
  readonly lookupBatch: number
  readonly tokenCacheMs: number
  readonly tokenCacheItems: number
}

/** The answer for a device whose data is on its way to another database. */
const MOVING = Symbol('moving')

interface CachedIdentity {
  readonly tokenHash: Buffer
  readonly identity: Identity
}

/** Finds whose tokens are, many in one statement: a reconnect storm costs few queries. */
export class TokenLookup {
  readonly #shards: Shards<Database>
  readonly #connects: readonly Batcher<ConnectRequest, ConnectAnswer | typeof MOVING>[]
  readonly #identifies: readonly Batcher<TokenRequest, Identity | undefined | typeof MOVING>[]
  readonly #cache: LRUCache<number, CachedIdentity>
  /** Counts what was forgotten, so that an answer from before is not remembered. */
  #forgotten = 0

  constructor(shards: Shards<Database>, options: TokenLookupOptions) {
    const bounds = { maxBatch: options.lookupBatch, maxWaiting: options.maxWaitingLookups }
    const keyOf = ({ address }: TokenRequest) => formatAddress(address)
    this.#shards = shards
    this.#cache = new LRUCache({ max: options.tokenCacheItems, ttl: options.tokenCacheMs })
    this.#connects = shards.all.map(
      (database, index) =>
        new Batcher<ConnectRequest, ConnectAnswer | typeof MOVING>({
          ...bounds,
          keyOf,
          run: (batch) => this.#lookUp(index, batch, (served) => connectDevices(database, served)),
        }),
    )
    this.#identifies = shards.all.map(
      (database, index) =>
        new Batcher<TokenRequest, Identity | undefined | typeof MOVING>({
          ...bounds,
          keyOf,
          run: (batch) => this.#lookUp(index, batch, (served) => identifyDevices(database, served)),
        }),
    )
  }

  /**
   * Authenticates a connection and counts it. `number` is the device's own count, 0 if it keeps none.
   * @throws RefusalError with OVERLOADED when too many wait already, with UNAVAILABLE while the user's data moves
   */
  async connect(token: string, number: number): Promise<ConnectAnswer> {
    const address = parseToken(token)
    if (address === undefined) return { outcome: 'unauthenticated' }
    const batcher = this.#connects[this.#shards.indexOf(address.user)]
    const answer = await batcher!.add({ address, tokenHash: hashToken(token), number })
    if (answer === MOVING) throw unavailable()
    return answer
  }

  /**
   * Whose token it is, for a request over HTTP. An answer is believed for a short time.
   * @throws RefusalError with OVERLOADED when too many wait already, with UNAVAILABLE while the user's data moves
   */
  async identify(token: string): Promise<Identity | undefined> {
    const address = parseToken(token)
    if (address === undefined) return undefined
    const tokenHash = hashToken(token)
    const key = addressKey(address.user, address.device)
    const cached = this.#cache.get(key)
    if (cached?.tokenHash.equals(tokenHash)) return cached.identity
    const forgotten = this.#forgotten
    const identity = await this.#identifies[this.#shards.indexOf(address.user)]!.add({ address, tokenHash })
    if (identity === MOVING) throw unavailable()
    if (identity !== undefined && forgotten === this.#forgotten) this.#cache.set(key, { tokenHash, identity })
    return identity
  }

  /** Nobody hears of a token that it is void because its device was looked for in a database that it has left. */
  async #lookUp<Request extends TokenRequest, Answer>(
    index: number,
    batch: readonly Request[],
    run: (batch: readonly Request[]) => Promise<readonly Answer[]>,
  ): Promise<readonly (Answer | typeof MOVING)[]> {
    const served = (): readonly Request[] => batch.filter(({ address }) => this.#shards.serves(index, address.user))
    let asked = served()
    let answers: readonly Answer[] = []
    try {
      answers = asked.length === 0 ? [] : await run(asked)
    } catch (error) {
      if (!isRefusedSlot(error)) throw error
      // One of them moves: the others must not wait for it.
      await this.#shards.refresh(index)
      asked = served()
      answers = asked.length === 0 ? [] : await run(asked)
    }
    const found = new Map(asked.map((request, i) => [request, answers[i] as Answer]))
    return batch.map((request) => {
      const known = found.has(request) && this.#shards.serves(index, request.address.user)
      return known ? (found.get(request) as Answer) : MOVING
    })
  }

  /** To be called when any user's devices may have changed. */
  clear(): void {
    this.#forgotten++
    this.#cache.clear()
  }

  /** To be called when the user's devices changed, here or on another node. */
  forget(user: UserId): void {
    this.#forgotten++
    for (let device = 1; device <= MAX_DEVICES; device++) this.#cache.delete(addressKey(user, device as DeviceId))
  }
}
