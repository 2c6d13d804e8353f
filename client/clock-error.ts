import { ParleyError, RefusedError } from './errors.ts'

const HOUR_MS = 3600 * 1000
const DAY_MS = 24 * HOUR_MS
/** How soon to try again what waits for a right clock. */
const RETRY_MS = 30_000

/** Tells the user that the device's clock is wrong. @param errorMs - by how much it is ahead, or with a minus behind */
export function clockWrong(errorMs: number, isRight: boolean): ParleyError {
  const direction = errorMs > 0 ? 'ahead' : 'behind'
  const consequence = isRight
    ? 'set it'
    : 'nothing can be encrypted or read until it is set; then all goes on by itself'
  return new ParleyError(
    'CLOCK_WRONG',
    `The clock of this device is ${length(Math.abs(errorMs))} ${direction}: ${consequence}`,
  )
}

/** What cannot be done while the device's clock is wrong, and is tried again. */
export function notByThisClock(): RefusedError {
  return new RefusedError('CLOCK_WRONG', 'The clock of this device is wrong: set it', true, RETRY_MS)
}

function length(ms: number): string {
  const [count, unit] = ms < DAY_MS ? [Math.round(ms / HOUR_MS), 'hour'] : [Math.round(ms / DAY_MS), 'day']
  return count === 1 ? `1 ${unit}` : `${count} ${unit}s`
}
