/** The node cannot start for a reason that lies outside of it: the message is the one line that the operator gets. */
export class StartError extends Error {
  override readonly name = 'StartError'
}
