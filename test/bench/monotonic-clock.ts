/** The clock that all processes of a machine have in common, in ms. */
export function monotonicMs(): number {
  return Number(process.hrtime.bigint()) / 1e6
}
