import { AccountsAndMailboxes } from './0001-accounts-and-mailboxes.ts'

/** In the order in which they run. A name, once released, stays: databases remember it. */
export const migrations = [{ name: '0001-accounts-and-mailboxes', class: AccountsAndMailboxes }]
