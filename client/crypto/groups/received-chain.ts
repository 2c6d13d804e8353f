import type { WireAddress } from '../../../proto/frames.ts'
import { equal } from '../bytes.ts'
import { CryptoError, malformed } from '../errors.ts'
import { SIGNATURE_BYTES } from '../primitives/primitives.ts'
import type { Primitives } from '../primitives/primitives.ts'
import { messageKey, nextChainKey } from '../ratchet/chain.ts'
import { open } from '../seal.ts'
import type { SenderKeyDistribution } from '../wire/sender-key-distribution.ts'
import { decodeSenderKeyMessage, SENDER_KEY_HEAD_BYTES } from '../wire/sender-key-message.ts'
import { MAX_SKIPPED_GROUP_KEYS } from '../wire/sender-key-state.ts'
import type { SenderKeyState, SkippedKey } from '../wire/sender-key-state.ts'
import { senderKeyAd, SENDER_KEY_SEAL, SENDER_KEY_SIGNATURE, signedPart } from './sender-key-ad.ts'

/** How many messages may be missing before one. */
const MAX_SKIP = 2_000
const SKIPPED_LIFETIME_MS = 30 * 24 * 60 * 60 * 1000

/** Chains of one device in one group that are kept. */
export const MAX_CHAINS = 5

export interface ReceivedDistribution {
  /**
   * `known`: the chain is there already, and is not wound back. `conflict`: its id is there with another signing key;
   * dropped, and worth a warning.
   */
  readonly outcome: 'added' | 'known' | 'conflict'
  /** To be stored. */
  readonly added: SenderKeyState | undefined
  /** To be deleted: the oldest beyond {@link MAX_CHAINS}. */
  readonly evicted: readonly SenderKeyState[]
}

/**
 * Takes a chain that a device has handed out. Whether it may (as a member of the state it names, or the author of status
 * posts) is judged before.
 *
 * @param chains - all that are stored of this sender in this group
 */
export function receiveDistribution(
  chains: readonly SenderKeyState[],
  sender: WireAddress,
  distribution: SenderKeyDistribution,
  nowMs: number,
): ReceivedDistribution {
  const known = chains.find(({ chainId }) => chainId === distribution.chainId)
  if (known !== undefined) {
    const outcome = equal(known.signingKey, distribution.signingKey) ? 'known' : 'conflict'
    return { outcome, added: undefined, evicted: [] }
  }
  const oldestFirst = chains.toSorted((a, b) => a.createdMs - b.createdMs)
  const evicted = oldestFirst.slice(0, Math.max(0, chains.length + 1 - MAX_CHAINS))
  const added = { ...distribution, sender, createdMs: nowMs, signingSeed: undefined, skipped: [] }
  return { outcome: 'added', added, evicted }
}

export interface OpenedGroupMessage {
  /** To be stored, in one transaction with the content. */
  readonly chain: SenderKeyState
  /** undefined: the sender made no proper content. It counts as received all the same. */
  readonly plaintext: Uint8Array | undefined
}

/**
 * Opens a group message: its signature is judged first, then its tag, and only then does the chain that comes back stand
 * further on. The chain given stays as it is.
 *
 * @param chain - of this sender and the chain id that the message names; undefined when there is none
 * @param sender - the device it came from, as the envelope says
 * @throws {CryptoError} MALFORMED, UNKNOWN_VERSION, NO_SESSION, BAD_SIGNATURE, DUPLICATE, TOO_FAR_AHEAD, BAD_TAG
 */
export async function openFromGroup(
  primitives: Primitives,
  chain: SenderKeyState | undefined,
  sender: WireAddress,
  bytes: Uint8Array,
  nowMs: number,
): Promise<OpenedGroupMessage> {
  const message = decodeSenderKeyMessage(bytes)
  if (chain === undefined || !belongs(chain, sender, message)) {
    throw new CryptoError('NO_SESSION', 'There is no chain for the message')
  }
  const unsigned = bytes.subarray(0, -SIGNATURE_BYTES)
  const signed = signedPart(sender, unsigned)
  if (!(await primitives.verify(SENDER_KEY_SIGNATURE, signed, message.signature, chain.signingKey))) {
    throw new CryptoError('BAD_SIGNATURE', 'A group message with a wrong signature')
  }
  if (message.groupEpoch < chain.groupEpoch) malformed('A message from before its chain')
  const { key, chain: moved } = takeKey(chain, message.iteration, nowMs)
  const plaintext = open(key, SENDER_KEY_SEAL, senderKeyAd(sender), SENDER_KEY_HEAD_BYTES, unsigned)
  return { chain: moved, plaintext }
}

/** Without the keys that nobody will ask for any more. Not before the mailbox has been read to its end. */
export function purgeSkipped(chain: SenderKeyState, nowMs: number): SenderKeyState {
  const skipped = chain.skipped.filter(({ storedMs }) => nowMs - storedMs < SKIPPED_LIFETIME_MS)
  return skipped.length === chain.skipped.length ? chain : { ...chain, skipped }
}

function belongs(
  chain: SenderKeyState,
  sender: WireAddress,
  { groupId, chainId }: { readonly groupId: Uint8Array; readonly chainId: number },
): boolean {
  const { user, device } = chain.sender
  if (user !== sender.user || device !== sender.device) return false
  return chain.chainId === chainId && equal(chain.groupId, groupId)
}

/** The key of a message, and the chain when that is used up. */
function takeKey(
  chain: SenderKeyState,
  iteration: number,
  nowMs: number,
): { readonly key: Uint8Array; readonly chain: SenderKeyState } {
  if (iteration < chain.iteration) return takeSkipped(chain, iteration)
  const missing = iteration - chain.iteration
  if (missing > MAX_SKIP) throw new CryptoError('TOO_FAR_AHEAD', `${missing} messages are missing`)
  const skipped: SkippedKey[] = [...chain.skipped]
  let { chainKey } = chain
  for (let at = chain.iteration; at < iteration; at++) {
    skipped.push({ iteration: at, messageKey: messageKey(chainKey), storedMs: nowMs })
    chainKey = nextChainKey(chainKey)
  }
  const moved = {
    ...chain,
    iteration: iteration + 1,
    chainKey: nextChainKey(chainKey),
    skipped: skipped.slice(-MAX_SKIPPED_GROUP_KEYS),
  }
  return { key: messageKey(chainKey), chain: moved }
}

function takeSkipped(
  chain: SenderKeyState,
  iteration: number,
): { readonly key: Uint8Array; readonly chain: SenderKeyState } {
  const found = chain.skipped.find((one) => one.iteration === iteration)
  if (found === undefined) throw new CryptoError('DUPLICATE', 'The message was opened before')
  return { key: found.messageKey, chain: { ...chain, skipped: chain.skipped.filter((one) => one !== found) } }
}
