import { encodeBase64 } from '../../proto/base64.ts'
import type { TrustSyncBody } from '../../proto/content.ts'
import type { Arrival } from '../arrival.ts'
import { equal } from '../crypto/bytes.ts'
import type { Transaction } from '../store.ts'
import { deletePin, readPeer, writePeer, writePin } from './peer.ts'
import type { Peer } from './peer.ts'

/** Tells the user's other devices whether the person has compared the keys of somebody. */
export function comparedSync({ user, list, facts }: Peer): TrustSyncBody {
  return { type: 'trustSync', user, accountKey: list.accountKey, verified: facts.verified, accepted: false }
}

/** Tells them that the person has accepted the keys of somebody, after others. */
export function acceptedSync({ user, list, facts }: Peer): TrustSyncBody {
  return { type: 'trustSync', user, accountKey: list.accountKey, verified: facts.verified, accepted: true }
}

/**
 * Takes what the person decided on another own device. Of a key that this one does not know yet it is kept until the
 * server tells of that key, which is asked before the next message goes out.
 */
export async function takeTrustSync(
  transaction: Transaction,
  { user, accountKey, verified, accepted }: TrustSyncBody,
  arrival: Arrival,
): Promise<void> {
  const peer = await readPeer(transaction, user)
  if (peer !== undefined && equal(peer.list.accountKey, accountKey)) {
    const { facts } = peer
    const decided = accepted
      ? { accepted: true, verified: facts.verified || verified }
      : { accepted: facts.accepted || verified, verified, comparedBefore: false }
    writePeer(transaction, { ...peer, facts: { ...facts, ...decided } })
    deletePin(transaction, user)
    arrival.decided.add(user)
    return
  }
  writePin(transaction, user, { accountKey: encodeBase64(accountKey), verified, accepted, hosted: false })
  if (peer !== undefined) writePeer(transaction, { ...peer, facts: { ...peer.facts, askedAt: 0 } })
}
