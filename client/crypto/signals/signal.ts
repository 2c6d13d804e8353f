import { concat, label, ZERO_32 } from '../bytes.ts'
import { CryptoError } from '../errors.ts'
import { messageData } from '../handshake/associated-data.ts'
import { hkdf } from '../primitives/hash.ts'
import { open, seal } from '../seal.ts'
import { findCurrent, states } from '../sessions/session-record.ts'
import type { SessionRecord } from '../sessions/session-record.ts'
import { decodeSignalMessage, SIGNAL_HEAD } from '../wire/signal-message.ts'

const SIGNAL_LABEL = 'signal'

/**
 * Encrypts a signal on the current session, outside of its ratchet: one that is dropped costs no later message anything.
 *
 * @throws {CryptoError} NO_SESSION: no signal is worth a pre-key
 */
export function sealSignal(record: SessionRecord, plaintext: Uint8Array): Uint8Array {
  const state = findCurrent(record)
  if (state === undefined || state.closed) throw new CryptoError('NO_SESSION', 'No session with the device')
  const ad = messageData(state.local, state.remote)
  return seal(signalKey(state.signalRoot, ad), SIGNAL_LABEL, ad, SIGNAL_HEAD, plaintext)
}

/**
 * Opens a signal of whichever session. Whether it is old, or came before, its content says.
 *
 * @returns undefined: the sender padded wrongly
 * @throws {CryptoError} BAD_TAG, NO_SESSION, MALFORMED, UNKNOWN_VERSION
 */
export function openSignal(record: SessionRecord, message: Uint8Array): Uint8Array | undefined {
  decodeSignalMessage(message)
  let failure = new CryptoError('NO_SESSION', 'No session with the device')
  for (const state of states(record)) {
    const ad = messageData(state.remote, state.local)
    try {
      return open(signalKey(state.signalRoot, ad), SIGNAL_LABEL, ad, SIGNAL_HEAD.length, message)
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      failure = error
    }
  }
  throw failure
}

/** One for each direction of each session. @param ad - names the direction */
function signalKey(signalRoot: Uint8Array, ad: Uint8Array): Uint8Array {
  return hkdf(signalRoot, ZERO_32, concat(label('signal-key'), ad), 32)
}
