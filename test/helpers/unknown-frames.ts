import { MAX_FRAMES } from '../../proto/limits.ts'

/** A field 99 of a frame, empty. */
const UNKNOWN_FRAME = [10, 3, 0x9a, 0x06, 0]

/** As many frames that no server knows as a message may have: each is answered by a longer one. */
export const UNKNOWN_FRAMES = new Uint8Array(Array.from({ length: MAX_FRAMES }, () => UNKNOWN_FRAME).flat())
