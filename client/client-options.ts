import type { Clock } from './clock.ts'
import type { CryptoProvider } from './crypto/primitives/provider.ts'
import type { Encoding } from './encoding.ts'
import type { OutboxOptions } from './outbox.ts'
import type { HostedPolicy } from './secrecy/secrets.ts'
import type { KeyServer } from './secrecy/key-server.ts'
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
  /**
   * What to do when the account key of somebody changes, for example with a new phone: `accept` goes on and tells it by
   * the event `identity`; `ask` sends nothing more until {@link Trust.accept} is called. Where the key before was verified
   * it is always the person who decides.
   */
  readonly identityChanges?: 'accept' | 'ask'
  /**
   * What to do about accounts whose keys a server holds: `show` goes on, and messages say it; `ask` sends nothing before
   * `Client.trust.acceptHosted` is called; `refuse` sends nothing.
   */
  readonly hosted?: HostedPolicy
  readonly outbox?: Partial<OutboxOptions>
  readonly transport?: Transport
  readonly encoding?: Encoding
  readonly clock?: Clock
  readonly random?: () => number
  /** The curves; by default the fastest that the platform has. */
  readonly provider?: CryptoProvider
  /** The server's part in keys; by default its HTTP API. */
  readonly keyServer?: KeyServer
}
