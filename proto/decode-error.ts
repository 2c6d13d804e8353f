/** Input that is no batch, frame or content of this protocol. The message says what is wrong and where. */
export class DecodeError extends Error {
  override readonly name = 'DecodeError'
}
