import type { Address, UserId } from '../shared/ids.ts'

/** The subjects of the bus. */
export const subjects = {
  mailbox: ({ user, device }: Address): string => `parley.mailbox.${user}.${device}`,
  presence: (user: UserId): string => `parley.presence.${user}`,
  control: (user: UserId): string => `parley.control.${user}`,
}
