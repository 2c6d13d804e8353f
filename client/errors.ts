/** What the SDK throws or rejects with. `code` is stable; the message is for people. */
export class ParleyError extends Error {
  override readonly name: string = 'ParleyError'
  readonly code: string

  constructor(code: string, message: string, options?: ErrorOptions) {
    super(message, options)
    this.code = code
  }
}

/** The server refused a request; `code` is one of `proto/error-codes.ts`. */
export class RefusedError extends ParleyError {
  override readonly name = 'RefusedError'
  /** The same request may pass later. */
  readonly temporary: boolean
  /** 0: the server named no time. */
  readonly retryAfterMs: number

  constructor(code: string, message: string, temporary: boolean, retryAfterMs = 0, options?: ErrorOptions) {
    super(code, message, options)
    this.temporary = temporary
    this.retryAfterMs = retryAfterMs
  }
}
