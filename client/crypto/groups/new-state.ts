import { ZERO_32 } from '../bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'
import type { KeyPair } from '../primitives/provider.ts'
import type { DeviceCert } from '../wire/device-cert.ts'
import { encodeGroupState, groupStateBody, groupStateHash, MAX_MEMBERS } from '../wire/group-state.ts'
import type { GroupMember, GroupSettings, GroupStateBody } from '../wire/group-state.ts'
import { requireAuthority, requireBeginning } from './authority.ts'
import { groupIdOf } from './group-ids.ts'
import type { KnownState } from './state-chain.ts'

/** The device that signs a state. */
export interface StateSigner {
  readonly certificate: DeviceCert
  readonly signing: KeyPair
}

/** What a state says; the rest follows from the one before. Members in any order. */
export interface GroupContents {
  readonly members: readonly GroupMember[]
  readonly settings: GroupSettings
  readonly infoHash: Uint8Array
}

/**
 * The first state of a new group. Its creator is among the admins.
 *
 * @throws {CryptoError} NOT_PERMITTED
 * @throws {RangeError} for no members, or more than 1,024, or one twice
 */
export async function beginGroup(
  primitives: Primitives,
  signer: StateSigner,
  contents: GroupContents,
  nowMs: number,
): Promise<KnownState> {
  const { certificate } = signer
  const body: GroupStateBody = {
    ...contents,
    members: ordered(contents.members),
    groupId: groupIdOf(certificate.identity.accountKey, contents.infoHash),
    epoch: 1,
    previousHash: ZERO_32,
    signer: certificate,
    ms: nowMs,
  }
  requireBeginning(body)
  return sign(primitives, signer, body)
}

/**
 * The state after one that is known, with a change. The server takes one of several that are proposed at once; the others
 * are proposed again upon it.
 *
 * @throws {CryptoError} NOT_PERMITTED when this signer may not make the change
 * @throws {RangeError} for no members, or more than 1,024, or one twice
 */
export async function changeGroup(
  primitives: Primitives,
  signer: StateSigner,
  previous: KnownState,
  change: Partial<GroupContents>,
  nowMs: number,
): Promise<KnownState> {
  const { groupId, epoch, members, settings, infoHash } = previous.state
  const body: GroupStateBody = {
    groupId,
    epoch: epoch + 1,
    previousHash: previous.hash,
    settings: change.settings ?? settings,
    infoHash: change.infoHash ?? infoHash,
    members: ordered(change.members ?? members),
    signer: signer.certificate,
    ms: nowMs,
  }
  requireAuthority(previous.state, body)
  return sign(primitives, signer, body)
}

async function sign(primitives: Primitives, { signing }: StateSigner, body: GroupStateBody): Promise<KnownState> {
  const state = { ...body, signature: await primitives.sign('group', groupStateBody(body), signing) }
  const bytes = encodeGroupState(state)
  return { state, bytes, hash: groupStateHash(bytes) }
}

function ordered(members: readonly GroupMember[]): GroupMember[] {
  if (members.length === 0 || members.length > MAX_MEMBERS) throw new RangeError(`${members.length} members`)
  if (new Set(members.map(({ user }) => user)).size < members.length) throw new RangeError('A member comes twice')
  return members.toSorted((a, b) => a.user - b.user)
}
