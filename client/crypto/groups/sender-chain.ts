import type { WireAddress } from '../../../proto/frames.ts'
import { concat, KEY_BYTES } from '../bytes.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { randomBytes } from '../primitives/random.ts'
import { messageKey, nextChainKey } from '../ratchet/chain.ts'
import { seal } from '../seal.ts'
import { MAX_ITERATION } from '../wire/iteration.ts'
import type { SenderKeyDistribution } from '../wire/sender-key-distribution.ts'
import { encodeSenderKeyHead } from '../wire/sender-key-message.ts'
import type { SenderKeyState } from '../wire/sender-key-state.ts'
import { senderKeyAd, SENDER_KEY_SEAL, SENDER_KEY_SIGNATURE, signedPart } from './sender-key-ad.ts'

const MAX_AGE_MS = 14 * 24 * 60 * 60 * 1000
const MAX_MESSAGES = 2_000

/** What a chain goes by: the newest state of its group, or the chosen audience of status posts with a hash of zeros. */
export interface GroupPosition {
  readonly groupId: Uint8Array
  readonly epoch: number
  readonly stateHash: Uint8Array
}

/**
 * A new chain of this device, from its first message on.
 *
 * @param used - the ids of the earlier chains of this device in the group
 */
export function newSenderChain(
  primitives: Primitives,
  sender: WireAddress,
  position: GroupPosition,
  used: ReadonlySet<number>,
  nowMs: number,
): SenderKeyState {
  const signing = primitives.generateSigning()
  return {
    groupId: position.groupId,
    sender,
    chainId: unusedId(used),
    groupEpoch: position.epoch,
    groupStateHash: position.stateHash,
    createdMs: nowMs,
    signingKey: signing.publicKey,
    signingSeed: signing.secretKey,
    iteration: 0,
    chainKey: randomBytes(KEY_BYTES),
    skipped: [],
  }
}

/** 14 days or 2,000 messages old. A chain whose time lies as far ahead was made by a wrong clock. */
export function isWorn({ createdMs, iteration }: SenderKeyState, nowMs: number): boolean {
  return iteration >= MAX_MESSAGES || Math.abs(nowMs - createdMs) >= MAX_AGE_MS
}

/** What lets another device read this one's chain from its next message on. */
export function distributionOf(chain: SenderKeyState): SenderKeyDistribution {
  const { groupId, groupEpoch, groupStateHash, chainId, iteration, chainKey, signingKey } = chain
  return { groupId, groupEpoch, groupStateHash, chainId, iteration, chainKey, signingKey }
}

/** The chain by a later state of its group, from which nobody was removed. @throws {RangeError} for an earlier one */
export function moveChain(chain: SenderKeyState, { epoch, stateHash }: GroupPosition): SenderKeyState {
  if (epoch < chain.groupEpoch) throw new RangeError('A chain does not go back to an earlier state of its group')
  return { ...chain, groupEpoch: epoch, groupStateHash: stateHash }
}

/**
 * Encrypts a message to all who have the chain. The chain that comes back is stored, in one transaction with the message,
 * before a byte leaves.
 *
 * @param chain - this device's, at the newest state of its group (see {@link moveChain})
 * @throws {RangeError} for a chain that is another device's or is spent, or content over the limit
 */
export async function sealForGroup(
  primitives: Primitives,
  chain: SenderKeyState,
  plaintext: Uint8Array,
): Promise<{ chain: SenderKeyState; message: Uint8Array }> {
  const { sender, signingKey, signingSeed, chainKey, iteration } = chain
  if (signingSeed === undefined) throw new RangeError('The chain of another device')
  if (iteration > MAX_ITERATION) throw new RangeError('The chain is spent')
  const head = encodeSenderKeyHead(chain)
  const sealed = seal(messageKey(chainKey), SENDER_KEY_SEAL, senderKeyAd(sender), head, plaintext)
  const signing = { publicKey: signingKey, secretKey: signingSeed }
  const signature = await primitives.sign(SENDER_KEY_SIGNATURE, signedPart(sender, sealed), signing)
  return {
    chain: { ...chain, iteration: iteration + 1, chainKey: nextChainKey(chainKey) },
    message: concat(sealed, signature),
  }
}

function unusedId(used: ReadonlySet<number>): number {
  for (;;) {
    const id = new DataView(randomBytes(4).buffer).getUint32(0)
    if (!used.has(id)) return id
  }
}
