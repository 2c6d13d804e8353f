import { AccountsAndMailboxes } from './0001-accounts-and-mailboxes.ts'
import { Presence } from './0002-presence.ts'
import { Slots } from './0003-slots.ts'
import { DevicesAndKeys } from './0004-devices-and-keys.ts'
import { HostedStores } from './0005-hosted-stores.ts'
import { Restores } from './0006-restores.ts'
import { AskingsAndBuckets } from './0007-registration.ts'
import type { MigrationBook } from './migration-book.ts'

/**
 * All migrations, in the order in which they run. A name, once released, stays: databases remember it.
 *
 * A version whose newest migration is 0005 refuses a database in whose `schema_migrations` stands a name that it does not
 * know. So what came after it is noted in a table of its own, and each name there ends with the oldest version that runs
 * on it: `0006-name.from-0005` runs with all versions that know 0005.
 */
export const books: readonly MigrationBook[] = [
  {
    table: 'schema_migrations',
    migrations: [
      { name: '0001-accounts-and-mailboxes', class: AccountsAndMailboxes },
      { name: '0002-presence', class: Presence },
      { name: '0003-slots', class: Slots },
      { name: '0004-devices-and-keys', class: DevicesAndKeys },
      { name: '0005-hosted-stores', class: HostedStores },
    ],
  },
  {
    table: 'schema_changes',
    migrations: [
      { name: '0006-restores.from-0005', class: Restores },
      { name: '0007-registration.from-0005', class: AskingsAndBuckets },
    ],
  },
]
