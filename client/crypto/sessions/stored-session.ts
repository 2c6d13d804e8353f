import { unlessRefused } from '../errors.ts'
import { decodeSessionState, encodeSessionState } from '../wire/session-state.ts'
import type { SessionState } from '../wire/session-state.ts'

/** A session of a record: read when it is asked for, written when it has changed. Its state never changes. */
export class StoredSession {
  #bytes: Uint8Array | undefined
  #state: SessionState | undefined

  private constructor(bytes: Uint8Array | undefined, state: SessionState | undefined) {
    this.#bytes = bytes
    this.#state = state
  }

  static of(state: SessionState): StoredSession {
    return new StoredSession(undefined, state)
  }

  static read(bytes: Uint8Array): StoredSession {
    return new StoredSession(bytes, undefined)
  }

  /** undefined: it is damaged. */
  findState(): SessionState | undefined {
    const bytes = this.#bytes
    if (this.#state === undefined && bytes !== undefined) this.#state = unlessRefused(() => decodeSessionState(bytes))
    return this.#state
  }

  /** Whether that is the very state that it gave. */
  holds(state: SessionState): boolean {
    return this.#state === state
  }

  get bytes(): Uint8Array {
    this.#bytes ??= encodeSessionState(this.#state as SessionState)
    return this.#bytes
  }
}
