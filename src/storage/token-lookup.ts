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

interface CachedIdentity {
  readonly tokenHash: Buffer
  readonly identity: Identity
}

/** Finds whose tokens are, many in one statement: a reconnect storm costs few queries. */
export class TokenLookup {
  readonly #shards: Shards<Database>
  readonly #connects: readonly Batcher<ConnectRequest, ConnectAnswer>[]
  readonly #identifies: readonly Batcher<TokenRequest, Identity | undefined>[]
  readonly #cache: LRUCache<number, CachedIdentity>
  /** Counts what was forgotten, so that an answer from before is not remembered. */
  #forgotten = 0

  constructor(shards: Shards<Database>, options: TokenLookupOptions) {
    const bounds = { maxBatch: options.lookupBatch, maxWaiting: options.maxWaitingLookups }
    const keyOf = ({ address }: TokenRequest) => formatAddress(address)
    this.#shards = shards
    this.#cache = new LRUCache({ max: options.tokenCacheItems, ttl: options.tokenCacheMs })
    this.#connects = shards.all.map(
      (database) =>
        new Batcher<ConnectRequest, ConnectAnswer>({
          ...bounds,
          keyOf,
          run: (batch) => connectDevices(database, batch),
        }),
    )
    this.#identifies = shards.all.map(
      (database) =>
        new Batcher<TokenRequest, Identity | undefined>({
          ...bounds,
          keyOf,
          run: (batch) => identifyDevices(database, batch),
        }),
    )
  }

  /**
   * Authenticates a connection and counts it. `number` is the device's own count, 0 if it keeps none.
   * @throws RefusalError with OVERLOADED when too many wait already
   */
  async connect(token: string, number: number): Promise<ConnectAnswer> {
    const address = parseToken(token)
    if (address === undefined) return { outcome: 'unauthenticated' }
    const batcher = this.#connects[this.#shards.indexOf(address.user)]
    return batcher!.add({ address, tokenHash: hashToken(token), number })
  }

  /**
   * Whose token it is, for a request over HTTP. An answer is believed for a short time.
   * @throws RefusalError with OVERLOADED when too many wait already
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
    if (identity !== undefined && forgotten === this.#forgotten) this.#cache.set(key, { tokenHash, identity })
    return identity
  }

  /** To be called when the user's devices changed, here or on another node. */
  forget(user: UserId): void {
    this.#forgotten++
    for (let device = 1; device <= MAX_DEVICES; device++) this.#cache.delete(addressKey(user, device as DeviceId))
  }
}
