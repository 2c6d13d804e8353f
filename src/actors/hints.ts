import { Kind } from '../../proto/frames.ts'
import type { Envelope } from '../shared/envelope.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import type { MessageStamps } from '../storage/message-stamps.ts'
import type { Directory } from './directory.ts'
import { Route } from './route.ts'
import type { RouteListener } from './route.ts'
import type { Router } from './router.ts'

/** What the server tells a device of its own accord: the payload, as JSON. A client looks for itself before it believes. */
export type Hint =
  /** Few one-time pre-keys are left, or none. */
  | { readonly keysLow: { readonly opk: number; readonly pqOpk: number } }
  /** There is a device list with other devices. The hash is base64. */
  | { readonly devicesChanged: { readonly user: string; readonly epoch: number; readonly dlHash: string } }
  /** The user has another account key than before. */
  | { readonly identityChanged: { readonly user: string } }

/** No device has it: such envelopes are from the server. */
const SERVER = 0 as DeviceId

const TEXT = new TextEncoder()

/**
 * Sends hints by the ordinary route, so that they wait for devices that are offline. Nothing rests on them: one that
 * cannot be stored now is dropped, and whoever is told in vain asks again.
 */
export class Hints implements RouteListener {
  readonly #directory: Directory
  readonly #router: Router
  readonly #stamps: MessageStamps
  readonly #newClientId: () => string
  readonly #retentionMs: number

  constructor(parts: {
    readonly directory: Directory
    readonly router: Router
    readonly stamps: MessageStamps
    readonly newClientId: () => string
    readonly retentionMs: number
  }) {
    this.#directory = parts.directory
    this.#router = parts.router
    this.#stamps = parts.stamps
    this.#newClientId = parts.newClientId
    this.#retentionMs = parts.retentionMs
  }

  /** Tells one device. */
  send(to: Address, hint: Hint): void {
    const stamp = this.#stamps.next(0n)
    if (stamp === undefined) return
    const envelope: Envelope = {
      messageId: stamp.messageId,
      from: { user: to.user, device: SERVER },
      to,
      kind: Kind.DEVICE_EVENT,
      id: this.#newClientId(),
      payload: TEXT.encode(JSON.stringify(hint)),
      about: [],
      urgent: false,
      sentAt: stamp.ms,
      expiresAt: stamp.ms + this.#retentionMs,
    }
    this.#router.route(new Route(to, [envelope], undefined, this, this.#router))
  }

  /** Tells all devices of a user. */
  async sendAll(user: UserId, hint: Hint): Promise<void> {
    const devices = await this.#directory.find(user)
    for (const { device } of devices) this.send({ user, device }, hint)
  }

  answered(): void {}
}
