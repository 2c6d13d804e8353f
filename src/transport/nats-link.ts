import { readFile } from 'node:fs/promises'
import { connect, credsAuthenticator, Events } from 'nats'
import type { ConnectionOptions, Msg, NatsConnection, NatsError, Subscription } from 'nats'

export interface NatsLinkOptions {
  /** `nats://` or `tls://` URLs of one cluster; user and password, or a token as user alone, may stand in the first. */
  readonly servers: readonly string[]
  /** Shown by the servers for this connection. */
  readonly name: string
  /** A `.creds` file (JWT and seed), instead of a user in the URL. */
  readonly credentialsFile?: string | undefined
  /** The certificates to trust, in PEM, when they are not public ones. */
  readonly caFile?: string | undefined
  /** The server is asked for a sign of life so often. */
  readonly probeIntervalMs: number
  /** A server that gives none for so long is taken for lost. */
  readonly probeTimeoutMs: number
  /** Of what was published and not confirmed by a sign of life; above it nothing more is. */
  readonly maxUnconfirmedBytes: number
}

export interface NatsLinkListener {
  /** A new connection, without subscriptions yet. */
  onConnection(): void
  /** What is published and subscribed now has a chance; all subscriptions are in force. */
  onUp(server: string): void
  onDown(reason: string): void
  /** A message of a subscription, named by `sid`. */
  onMessage(message: Msg): void
  onFault(error: unknown): void
}

type State = 'away' | 'up' | 'closed'

const RETRY_MS = 500
/** nats.js notices by itself after two of these that a server is gone, and goes to the next. */
const PING_INTERVAL_MS = 5_000
const CONNECT_TIMEOUT_MS = 5_000

/**
 * One connection to NATS that comes back by itself. It is up while a probe, a round trip to the server, has been
 * answered lately: a frozen server or a cut link counts as lost long before TCP says so. Nothing is published while it
 * is not up, so nothing gathers.
 */
export class NatsLink {
  readonly #options: NatsLinkOptions
  readonly #listener: NatsLinkListener
  #state: State = 'away'
  #connection: NatsConnection | undefined
  #sentBytes = 0
  #confirmedBytes = 0
  /** When the probe under way was sent (monotonic ms). */
  #probedAt: number | undefined
  #timer: NodeJS.Timeout | undefined
  #retry: NodeJS.Timeout | undefined
  /** Wait for the end of a flush, or of the connection. */
  readonly #flushes = new Set<() => void>()
  /** One for all subscriptions: there is one for each device. */
  readonly #ear = {
    callback: (error: NatsError | null, message: Msg): void => {
      // An exception here would end the reader of nats.js.
      try {
        if (error === null) this.#listener.onMessage(message)
        else this.#listener.onFault(error)
      } catch (thrown) {
        this.#listener.onFault(thrown)
      }
    },
  }

  constructor(options: NatsLinkOptions, listener: NatsLinkListener) {
    this.#options = options
    this.#listener = listener
  }

  get up(): boolean {
    return this.#state === 'up' && this.#sentBytes - this.#confirmedBytes < this.#options.maxUnconfirmedBytes
  }

  /** For what speaks NATS beside the bus; undefined before the first connection. */
  get connection(): NatsConnection | undefined {
    return this.#connection
  }

  /** Begins to connect. Resolves when the first attempt has ended, well or not; it goes on by itself. */
  async open(): Promise<void> {
    await this.#connect()
  }

  /** @throws NatsError when the data is larger than the server takes */
  publish(subject: string, data: Uint8Array, reply?: string): void {
    this.#sentBytes += subject.length + data.length
    this.#connection!.publish(subject, data, reply === undefined ? undefined : { reply })
  }

  /** Undefined before the first connection: {@link NatsLinkListener.onConnection} follows. */
  subscribe(subject: string): Subscription | undefined {
    const subscription = this.#connection?.subscribe(subject, this.#ear)
    return subscription && slim(subscription)
  }

  /** A round trip to the server. Ends early when the link is down or goes down. */
  flush(): Promise<void> {
    const connection = this.#connection
    if (this.#state !== 'up' || connection === undefined) return Promise.resolve()
    return new Promise((resolve) => {
      this.#flushes.add(resolve)
      const end = () => {
        this.#flushes.delete(resolve)
        resolve()
      }
      connection.flush().then(end, end)
    })
  }

  async close(): Promise<void> {
    if (this.#state === 'closed') return
    this.#state = 'closed'
    clearTimeout(this.#retry)
    clearInterval(this.#timer)
    this.#endFlushes()
    await this.#connection?.close()
  }

  async #connect(): Promise<void> {
    try {
      const connection = await connect(await this.#connectionOptions())
      if (this.#state === 'closed') return void (await connection.close())
      this.#connection = connection
      this.#listener.onConnection()
      void this.#watch(connection)
      void this.#restart(connection)
      this.#timer ??= setInterval(() => this.#probe(), this.#options.probeIntervalMs)
      await this.#probe()
    } catch (error) {
      if (this.#state === 'closed') return
      this.#listener.onFault(error)
      this.#retry = setTimeout(() => void this.#connect(), RETRY_MS)
    }
  }

  async #connectionOptions(): Promise<ConnectionOptions> {
    const { servers, name, credentialsFile, caFile } = this.#options
    const urls = servers.map((server) => new URL(server))
    const { username, password } = urls[0]!
    const user = decodeURIComponent(username)
    return {
      servers: urls.map(({ host }) => host),
      name,
      maxReconnectAttempts: -1,
      reconnectTimeWait: RETRY_MS,
      timeout: CONNECT_TIMEOUT_MS,
      pingInterval: PING_INTERVAL_MS,
      maxPingOut: 2,
      ignoreAuthErrorAbort: true,
      noAsyncTraces: true,
      ...(user === '' ? {} : password === '' ? { token: user } : { user, pass: decodeURIComponent(password) }),
      ...(credentialsFile === undefined ? {} : { authenticator: credsAuthenticator(await readFile(credentialsFile)) }),
      ...(urls.some(({ protocol }) => protocol === 'tls:') ? { tls: caFile === undefined ? {} : { caFile } } : {}),
    }
  }

  /** Listens to what nats.js says of the connection. */
  async #watch(connection: NatsConnection): Promise<void> {
    for await (const { type, data } of connection.status()) {
      if (type === Events.Disconnect) this.#goDown('the connection was lost')
      else if (type === Events.Reconnect) void this.#probe()
      else if (type === Events.Error) this.#listener.onFault(new Error(`NATS says ${String(data)}`))
    }
  }

  /** nats.js gives a connection up only for errors that no retry of its own can mend. */
  async #restart(connection: NatsConnection): Promise<void> {
    const error = await connection.closed()
    this.#goDown('the connection was closed')
    if (this.#state === 'closed') return
    if (error) this.#listener.onFault(error)
    this.#retry = setTimeout(() => void this.#connect(), RETRY_MS)
  }

  async #probe(): Promise<void> {
    const connection = this.#connection
    if (connection === undefined || connection.isClosed()) return
    const now = performance.now()
    if (this.#probedAt !== undefined) {
      if (now - this.#probedAt > this.#options.probeTimeoutMs) this.#goDown('the server does not answer')
      return
    }
    this.#probedAt = now
    const sentBytes = this.#sentBytes
    try {
      await connection.flush()
    } catch {
      this.#probedAt = undefined
      return
    }
    this.#probedAt = undefined
    this.#confirmedBytes = sentBytes
    if (this.#state !== 'away') return
    this.#state = 'up'
    this.#listener.onUp(connection.getServer())
  }

  #goDown(reason: string): void {
    if (this.#state !== 'up') return
    this.#state = 'away'
    this.#endFlushes()
    this.#listener.onDown(reason)
  }

  #endFlushes(): void {
    for (const resolve of this.#flushes) resolve()
    this.#flushes.clear()
  }
}

const NO_DEFERRED = Object.freeze({ resolve: () => undefined, reject: () => undefined })
const NO_YIELDS = Object.freeze([])

/**
 * Lets go of what a subscription has for iterators, which one with a callback never uses: half of its memory, and a node
 * has one for each device.
 */
function slim(subscription: Subscription): Subscription {
  return Object.assign(subscription, {
    signal: NO_DEFERRED,
    iterClosed: NO_DEFERRED,
    closed: NO_DEFERRED,
    yields: NO_YIELDS,
  })
}
