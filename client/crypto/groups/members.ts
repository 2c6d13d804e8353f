import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import type { GroupMember, GroupState } from '../wire/group-state.ts'

export function findMember({ members }: GroupState, user: number): GroupMember | undefined {
  return members.find((member) => member.user === user)
}

export function hasAdmin({ members }: Pick<GroupState, 'members'>): boolean {
  return members.some(({ admin }) => admin)
}

/**
 * That a user may speak in a group: as a member, in the state that the message names and in the newest one, so that a
 * removed member cannot go on under an old state; as an admin, where only admins send.
 *
 * @param accountKey - under which the sending device is certified
 * @throws {CryptoError} NOT_A_MEMBER, also for a member's new account key; NOT_PERMITTED
 */
export function requireSpeaker(
  states: { readonly named: GroupState; readonly newest: GroupState },
  user: number,
  accountKey: Uint8Array,
): void {
  for (const state of [states.named, states.newest]) {
    const member = requireMember(state, user, accountKey)
    if (state.settings.adminsSend && !member.admin) {
      throw new CryptoError('NOT_PERMITTED', 'Only admins send to this group')
    }
  }
}

/**
 * That a sender of keys or group info is in the state that he names.
 *
 * @throws {CryptoError} NOT_A_MEMBER
 */
export function requireMember(state: GroupState, user: number, accountKey: Uint8Array): GroupMember {
  const member = findMember(state, user)
  if (member === undefined || !equal(member.accountKey, accountKey)) {
    throw new CryptoError('NOT_A_MEMBER', 'The sender is no member of the group')
  }
  return member
}

/**
 * That a user's devices may have this device's chain: a member of the newest state, under the account key that is pinned.
 *
 * @throws {CryptoError} NOT_A_MEMBER, IDENTITY_CHANGED
 */
export function requireRecipient(newest: GroupState, user: number, pinnedKey: Uint8Array): void {
  const member = findMember(newest, user)
  if (member === undefined) throw new CryptoError('NOT_A_MEMBER', 'The recipient is no member of the group')
  if (!equal(member.accountKey, pinnedKey)) {
    throw new CryptoError('IDENTITY_CHANGED', 'The group knows this member under another account key')
  }
}
