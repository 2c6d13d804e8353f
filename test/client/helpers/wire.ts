import { decodeClientFrames, encodeServerFrames } from '../../../proto/codec.ts'
import type { ClientFrame, ConnectedFrame, Kind, SendFrame, ServerFrame } from '../../../proto/frames.ts'
import type { Link, LinkHandlers, Transport } from '../../../client/transport.ts'
import { waitUntil } from '../../helpers/wait-until.ts'

type FrameOf<Type, Frame = ClientFrame> = Frame extends { type: infer Own } ? (Type extends Own ? Frame : never) : never

/** The far end of one connection, played by hand. */
export class WireEnd implements Link {
  readonly frames: ClientFrame[] = []
  closed = false
  readonly #handlers: LinkHandlers

  constructor(handlers: LinkHandlers) {
    this.#handlers = handlers
  }

  send(message: Uint8Array | string): void {
    if (typeof message !== 'string') this.frames.push(...decodeClientFrames(message))
  }

  close(): void {
    this.closed = true
  }

  /** Also after `close()`: what a slow network still brings. */
  say(...frames: ServerFrame[]): void {
    this.#handlers.received(encodeServerFrames(frames).slice())
  }

  sayBytes(bytes: Uint8Array): void {
    this.#handlers.received(bytes)
  }

  end(code: number): void {
    this.#handlers.closed(code, '')
  }

  open(): void {
    this.#handlers.opened()
  }

  /** The frames of one type so far. */
  all<Type extends ClientFrame['type']>(type: Type): FrameOf<Type>[] {
    return this.frames.filter((frame) => frame.type === type) as FrameOf<Type>[]
  }

  /** What was sent of one kind so far. */
  sent(kind: Kind): SendFrame[] {
    return this.all('send').filter((frame) => frame.kind === kind)
  }

  /** Waits for the n-th send of a kind. */
  async nthSent(kind: Kind, number = 1): Promise<SendFrame> {
    await waitUntil(`send ${number} of kind ${kind} came`, () => this.sent(kind).length >= number)
    return this.sent(kind)[number - 1] as SendFrame
  }

  /** Waits for the n-th frame of a type. */
  async nth<Type extends ClientFrame['type']>(type: Type, number = 1): Promise<FrameOf<Type>> {
    await waitUntil(`frame ${number} of type ${type} was sent`, () => this.all(type).length >= number)
    return this.all(type)[number - 1] as FrameOf<Type>
  }
}

/** A network whose far ends are in the test's hands. */
export class Wire implements Transport {
  readonly ends: WireEnd[] = []

  connect(_url: string, _subprotocol: string, handlers: LinkHandlers): Link {
    const end = new WireEnd(handlers)
    this.ends.push(end)
    return end
  }

  /** Waits for the n-th connection and lets it become a session. */
  async session(
    number: number,
    user = 15550000001,
    device = 1,
    more: Partial<Pick<ConnectedFrame, 'serverTime' | 'restoredAt' | 'restoredTo'>> = {},
  ): Promise<WireEnd> {
    await waitUntil(`connection ${number} was made`, () => this.ends.length >= number)
    const end = this.ends[number - 1] as WireEnd
    end.open()
    await end.nth('connect')
    end.say({
      type: 'connected',
      session: `s${number}`,
      user,
      device,
      serverTime: 0,
      pending: 0,
      restoredAt: 0,
      restoredTo: 0,
      ...more,
    })
    return end
  }
}
