import type { CheckedClock } from '../server-clock.ts'
import type { Primitives } from '../crypto/primitives/primitives.ts'
import type { Transaction } from '../store.ts'
import type { KeyServer } from './key-server.ts'
import type { Self } from './self.ts'

export type HostedPolicy = 'show' | 'ask' | 'refuse'

/** What the user wants to be asked. */
export interface Policy {
  /** Whether a changed account key is accepted without asking. */
  readonly acceptsIdentities: boolean
  /** Of accounts whose keys a server holds. */
  readonly hosted: HostedPolicy
}

/** What everything that encrypts and decrypts for one device shares. */
export interface Secrets {
  readonly primitives: Primitives
  readonly server: KeyServer
  readonly clock: CheckedClock
  readonly self: SelfHolder
  readonly policy: Policy
  /** One transaction, in the order in which they are asked for. */
  inStore<T>(work: (transaction: Transaction) => Promise<T>): Promise<T>
}

/** The own keys: in memory, as the only user of their store, and written with the changes that need it. */
export interface SelfHolder {
  readonly current: Self
  write(transaction: Transaction, self: Self): void
}
