import { encodeBase64, findBase64 } from '../../proto/base64.ts'
import type { Clock } from '../clock.ts'
import { encodeBase64Url, decodeBase64Url } from '../crypto/base64url.ts'
import { CryptoError } from '../crypto/errors.ts'
import { ParleyError } from '../errors.ts'
import { request } from '../http.ts'

const WAIT_SECONDS = 20
const MAX_TIME_MS = 120_000

/** Where a new device and its primary leave each other messages, which the server can not read. */
export class Rendezvous {
  readonly #url: string
  readonly #clock: Clock
  readonly #id: string
  readonly #until: number
  #taken = 0

  private constructor(url: string, id: string, clock: Clock) {
    this.#url = url
    this.#id = id
    this.#clock = clock
    this.#until = clock.monotonic() + MAX_TIME_MS
  }

  static async open(url: string, clock: Clock): Promise<{ rendezvous: Rendezvous; id: Uint8Array }> {
    const path = '/v1/devices/link'
    const { rendezvousId } = await request<{ rendezvousId: string }>(url, { method: 'POST', path })
    const id = decodeBase64Url(rendezvousId)
    return { rendezvous: new Rendezvous(url, rendezvousId, clock), id }
  }

  static join(url: string, id: Uint8Array, clock: Clock): Rendezvous {
    return new Rendezvous(url, encodeBase64Url(id), clock)
  }

  /** Leaves a message. It is not one to be read by this side. */
  async leave(message: Uint8Array): Promise<void> {
    const body = { message: encodeBase64(message) }
    const { number } = await request<{ number: number }>(this.#url, { method: 'POST', path: this.#path, body })
    if (number !== this.#taken + 1) throw new CryptoError('MALFORMED', 'Somebody else has left a message')
    this.#taken = number
  }

  /** Waits for the other side's next message. @throws {ParleyError} LINK_TIMEOUT after two minutes */
  async next(): Promise<Uint8Array> {
    while (this.#clock.monotonic() < this.#until) {
      const path = `${this.#path}?after=${this.#taken}&wait=${WAIT_SECONDS}`
      const answer = await request<{ messages: readonly { number: number; message: string }[] }>(this.#url, {
        method: 'GET',
        path,
      })
      const [first, second] = answer.messages
      if (first === undefined) continue
      const message = findBase64(first.message)
      if (message === undefined || second !== undefined || first.number !== this.#taken + 1)
        throw new CryptoError('MALFORMED', 'Somebody else has left a message')
      this.#taken = first.number
      return message
    }
    throw new ParleyError('LINK_TIMEOUT', 'The other device did not answer in time: begin again')
  }

  get #path(): string {
    return `/v1/devices/link/${this.#id}`
  }
}
