/**
 * What joins the nodes. It carries deliveries and hints; nothing that must survive: losing it costs latency only.
 * `nats-bus` joins processes, `local-bus` is its twin within one process; both pass one contract suite.
 *
 * Guarantees: what one node publishes on one subject reaches a subscriber in that order, or not at all. No handler is
 * called before the call that caused it has returned.
 */
export interface Bus {
  /** What is sent now has a chance to arrive. */
  readonly connected: boolean
  /** Hears all messages of a subject, whose last token may be `*`, for any. In force after the next `flush`. */
  subscribe(subject: string, handler: BusHandler): void
  unsubscribe(subject: string, handler: BusHandler): void
  /** At most once, to whoever subscribes. False: not connected, surely nobody gets it. */
  publish(subject: string, data: Uint8Array): boolean
  /**
   * Asks whoever subscribes; of several, perhaps only the one that answered last. `data` is called only if somebody may
   * do. Not connected, or no more, counts as no responders.
   */
  request(subject: string, data: () => Uint8Array, listener: RequestListener): void
  /** Asks all that subscribe. */
  requestAll(subject: string, data: () => Uint8Array, listener: RequestListener): void
  /**
   * Resolves when every subscription so far is in force and everything published so far is on its way, or when the bus
   * is away: then `onReconnect` follows.
   */
  flush(): Promise<void>
  /** Calls back each time that the bus is there, the first one included, when the subscriptions are in force. */
  onReconnect(callback: () => void): void
  close(): Promise<void>
}

export interface BusHandler {
  /** Nobody asks on its subjects: what is on its way when it unsubscribes needs no answer, which makes that cheap. */
  readonly onlyHears?: boolean
  /** `reply` is there when it is a request; it may be called several times, or never. */
  onBusMessage(data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined): void
}

export interface RequestListener {
  /** True: that was all, nothing more is expected. */
  onReply(data: Uint8Array): boolean
  onNoResponders(): void
  /** No or not every reply came in time. */
  onTimeout(): void
}
