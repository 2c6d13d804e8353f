import { AccountsAndMailboxes } from './0001-accounts-and-mailboxes.ts'
import { Presence } from './0002-presence.ts'
import { Slots } from './0003-slots.ts'
import { DevicesAndKeys } from './0004-devices-and-keys.ts'
import { HostedStores } from './0005-hosted-stores.ts'

/** In the order in which they run. A name, once released, stays: databases remember it. */
export const migrations = [
  { name: '0001-accounts-and-mailboxes', class: AccountsAndMailboxes },
  { name: '0002-presence', class: Presence },
  { name: '0003-slots', class: Slots },
  { name: '0004-devices-and-keys', class: DevicesAndKeys },
  { name: '0005-hosted-stores', class: HostedStores },
]
