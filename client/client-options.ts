import type { Clock } from './clock.ts'
import type { Encoding } from './encoding.ts'
import type { OutboxOptions } from './outbox.ts'
import type { Store } from './store.ts'
import type { Transport } from './transport.ts'

export interface ClientOptions {
  /** The server: `http://localhost:3000`. */
  readonly url: string
  /** Where the device keeps its state. The client closes it. */
  readonly store: Store
  /** From the registration. Kept in the store, so that later starts need none. */
  readonly token?: string
  /** false: `markRead` tells nobody. */
  readonly readReceipts?: boolean
  /** false: the client connects when {@link Client.connect} is called. */
  readonly autoConnect?: boolean
  readonly outbox?: Partial<OutboxOptions>
  readonly transport?: Transport
  readonly encoding?: Encoding
  readonly clock?: Clock
  readonly random?: () => number
}
