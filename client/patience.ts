/** Nothing heard for this long on a fast line: the connection is lost. */
const LOST_AFTER_MS = 40_000
/** Of the time in which the connection was made, which was a few round trips. */
const SLOWNESS = 20
const MAX_FOR_SLOWNESS_MS = 140_000
/** What the slowest line carries that the SDK is made for: 20 kbit/s, a fifth of which is lost to headers and repeats. */
const SLOWEST_BYTES_PER_MS = 2

/** How long so many bytes may be under way. */
export function carriageMs(bytes: number): number {
  return bytes / SLOWEST_BYTES_PER_MS
}

/**
 * For how many ms the server may be silent before the connection counts as lost. The server's answer waits behind what is
 * under way to it; and a message of the server shows only when all of it has come, which on a line that was slow to
 * open takes long.
 */
export function patienceMs(openedInMs: number, unansweredBytes: number): number {
  return LOST_AFTER_MS + Math.min(MAX_FOR_SLOWNESS_MS, SLOWNESS * openedInMs) + carriageMs(unansweredBytes)
}
