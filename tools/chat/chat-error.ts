/** Something that a person can do something about: shown as it is, without a stack. */
export class ChatError extends Error {
  override readonly name = 'ChatError'
}
