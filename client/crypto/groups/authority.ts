import { equal } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import type { GroupMember, GroupSettings, GroupState, GroupStateBody } from '../wire/group-state.ts'
import { groupIdOf } from './group-ids.ts'
import { findMember, hasAdmin } from './members.ts'

interface Change {
  readonly added: readonly GroupMember[]
  readonly removed: readonly GroupMember[]
  /** Who has another role or account key. */
  readonly altered: readonly GroupMember[]
  readonly settings: boolean
  readonly info: boolean
}

/**
 * That a state begins its group: the id is made of its creator and info, and the creator is an admin.
 *
 * @throws {CryptoError} NOT_PERMITTED
 */
export function requireBeginning(first: GroupStateBody): void {
  const { accountKey } = first.signer.identity
  if (first.epoch !== 1 || !equal(first.groupId, groupIdOf(accountKey, first.infoHash))) {
    notPermitted('Not the beginning of this group')
  }
  const creator = first.members.find(({ user }) => user === first.signer.address.user)
  if (creator === undefined || !creator.admin || !equal(creator.accountKey, accountKey)) {
    notPermitted('The creator of a group is an admin of it')
  }
}

/**
 * That the signer of the next state may make that change. His right is judged in the state before, never in his own: else
 * whoever signs made himself an admin.
 *
 * @throws {CryptoError} NOT_PERMITTED
 */
export function requireAuthority(previous: GroupState, next: GroupStateBody): void {
  const signer = requireSigner(previous, next)
  if (!hasAdmin(next)) notPermitted('A group keeps an admin')
  if (signer.admin) return
  const change = changeOf(previous, next)
  const { adminsEditInfo, membersAdd } = previous.settings
  if (isLeave(change, signer)) return
  if (isInfoOnly(change) && !adminsEditInfo) return
  if (isAddOnly(change) && membersAdd) return
  notPermitted('Only an admin may change this')
}

/** That the signer stands in the state before, under the same account key. @throws {CryptoError} NOT_PERMITTED */
export function requireSigner(previous: GroupState, { signer }: Pick<GroupStateBody, 'signer'>): GroupMember {
  const member = findMember(previous, signer.address.user)
  if (member === undefined || !equal(member.accountKey, signer.identity.accountKey)) {
    notPermitted('The signer is no member of the group')
  }
  return member
}

function isLeave({ added, removed, altered, settings, info }: Change, signer: GroupMember): boolean {
  if (added.length > 0 || altered.length > 0 || settings || info) return false
  return removed.length === 1 && removed[0]?.user === signer.user
}

function isInfoOnly({ added, removed, altered, settings, info }: Change): boolean {
  return info && !settings && added.length === 0 && removed.length === 0 && altered.length === 0
}

function isAddOnly({ added, removed, altered, settings, info }: Change): boolean {
  if (removed.length > 0 || altered.length > 0 || settings || info) return false
  return added.length > 0 && added.every(({ admin }) => !admin)
}

function changeOf(previous: GroupState, next: GroupStateBody): Change {
  const before = new Map(previous.members.map((member) => [member.user, member]))
  const added: GroupMember[] = []
  const altered: GroupMember[] = []
  for (const member of next.members) {
    const old = before.get(member.user)
    before.delete(member.user)
    if (old === undefined) added.push(member)
    else if (old.admin !== member.admin || !equal(old.accountKey, member.accountKey)) altered.push(member)
  }
  return {
    added,
    removed: [...before.values()],
    altered,
    settings: !sameSettings(previous.settings, next.settings),
    info: !equal(previous.infoHash, next.infoHash),
  }
}

function sameSettings(a: GroupSettings, b: GroupSettings): boolean {
  return (
    a.adminsSend === b.adminsSend &&
    a.adminsEditInfo === b.adminsEditInfo &&
    a.membersAdd === b.membersAdd &&
    a.approveJoins === b.approveJoins
  )
}

function notPermitted(message: string): never {
  throw new CryptoError('NOT_PERMITTED', message)
}
