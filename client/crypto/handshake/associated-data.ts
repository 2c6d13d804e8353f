import { concat, label } from '../bytes.ts'
import { sha256 } from '../primitives/hash.ts'
import { encodeParty } from './party.ts'
import type { Party } from './party.ts'

/** What the tag of a message covers beside it: who sends to whom, sender first, so that none comes back as an answer. 229 bytes. */
export function messageData(from: Party, to: Party): Uint8Array {
  return concat(label('ad'), encodeParty(from), encodeParty(to))
}

/** The same for a message behind a header that starts a session. 265 bytes. */
export function firstMessageData(from: Party, to: Party, header: Uint8Array): Uint8Array {
  return concat(label('ad-pre'), encodeParty(from), encodeParty(to), sha256(header))
}
