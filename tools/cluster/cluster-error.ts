/** The cluster cannot run; the message says why. */
export class ClusterError extends Error {
  override readonly name = 'ClusterError'
}
