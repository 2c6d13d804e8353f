import { setTimeout as delay } from 'node:timers/promises'
import { randomBytes } from 'node:crypto'
import uWS from '../transport/uws.ts'
import type { Config } from '../../config/config.ts'
import { type Clock, monotonicClock } from '../shared/clock.ts'
import type { UserId } from '../shared/ids.ts'
import { createEvents, createRegistry, type Events } from '../shared/events.ts'
import { StartError } from '../shared/start-error.ts'
import { createLogger, createUserHasher, type Logger } from '../shared/logger.ts'
import { Control } from '../actors/control.ts'
import { openArchive } from '../storage/backup/backup-folder.ts'
import { type AccountHooks, Accounts } from '../storage/accounts.ts'
import { Buckets } from '../storage/buckets.ts'
import { Contacts } from '../storage/contacts.ts'
import { Database } from '../storage/database.ts'
import { databaseName } from '../storage/database-name.ts'
import { EmbeddedPostgres } from '../storage/embedded-postgres.ts'
import { HostedRecords } from '../storage/hosted-records.ts'
import { Links } from '../storage/links.ts'
import { migrate } from '../storage/migrate.ts'
import { openShards } from '../storage/open-shards.ts'
import type { Shards } from '../storage/shards.ts'
import { sweepExpired } from '../storage/sweep.ts'
import { TokenLookup } from '../storage/token-lookup.ts'
import { findUserReport } from '../storage/user-report.ts'
import { clientAddressBehind, openerBehind } from '../transport/client-address.ts'
import { ConnectionPlaces, reservedFiles, roomForConnections } from '../transport/connection-places.ts'
import { readFileLimit } from '../transport/file-limit.ts'
import type { Bus } from '../transport/bus.ts'
import { sampleMailboxes } from '../storage/mailbox-statistics.ts'
import { LocalBusHub } from '../transport/local-bus.ts'
import { NatsBus } from '../transport/nats-bus.ts'
import { createApi } from './api.ts'
import type { Api } from './api.ts'
import { Budgets } from './budgets.ts'
import { ClockWatch } from './clock-watch.ts'
import { ConsoleSmsSender } from './console-sms-sender.ts'
import { DatabaseSamples } from './database-samples.ts'
import type { Health, HealthCheck } from './health.ts'
import { KeyBoxWatch } from './hosted/key-box-watch.ts'
import { loadMasterKeys } from './hosted/load-master-keys.ts'
import type { MasterKeys } from './hosted/master-keys.ts'
import { HttpServer, requirePort } from './http-server.ts'
import { HttpSmsSender } from './http-sms-sender.ts'
import { Limiters } from './limiters.ts'
import { isInTheClear } from './in-the-clear.ts'
import { Lookups } from './lookups.ts'
import { Messaging } from './messaging.ts'
import { MetricsServer } from './metrics-server.ts'
import { registerNodeGauges } from './node-gauges.ts'
import type { OpsParts } from './ops.ts'
import { serveOperators, VERSION } from './ops-service.ts'
import { repeat } from './repeat.ts'
import type { SmsSender } from './sms-sender.ts'

/** Parts that a test, or a program around a node, brings itself. */
export interface NodeOverrides {
  /** Of this machine; the node's time is PostgreSQL's. */
  readonly systemClock?: Clock
  readonly logger?: Logger
  readonly sms?: SmsSender | undefined
  /** An operator wants the node to drain and end, as on SIGTERM. */
  readonly onDrainRequest?: () => void
  /** Joins nodes of one process. */
  readonly hub?: LocalBusHub
}

type State = 'created' | 'starting' | 'started' | 'draining' | 'destroyed'

/** One server process: all parts, put together. Several may live in one process. */
export class Node {
  /** No other process has it, nor had it before. */
  readonly id: string
  readonly #config: Config
  readonly #overrides: NodeOverrides
  readonly #logger: Logger
  readonly #events: Events
  readonly #registry = createRegistry()
  readonly #ending = new AbortController()
  /** Closes what was opened, the last one first. */
  readonly #opened = new AsyncDisposableStack()
  readonly #checks: Record<string, HealthCheck> = {}
  #state: State = 'created'
  #http: HttpServer | undefined
  #api: Api | undefined
  #messaging: Messaging | undefined
  #port = 0
  #metricsPort: number | undefined

  private constructor(config: Config, overrides: NodeOverrides) {
    this.#config = config
    this.id = `${config.node.name}-${randomBytes(4).toString('hex')}`
    this.#overrides = overrides
    this.#logger = overrides.logger ?? createLogger({ level: config.node.logLevel, node: config.node.name })
    const hashUser = createUserHasher(config.secrets.masterKeys?.[0])
    this.#events = createEvents({ logger: this.#logger, registry: this.#registry, hashUser })
  }

  static create(config: Config, overrides: NodeOverrides = {}): Node {
    return new Node(config, overrides)
  }

  /** The port that it listens on. */
  get port(): number {
    return this.#port
  }

  /** The port of the metrics, if they have one of their own. */
  get metricsPort(): number | undefined {
    return this.#metricsPort
  }

  get serves(): boolean {
    return this.#state === 'started'
  }

  /** Where people and programs of this machine, or of the world if PUBLIC_URL is set, find it. */
  get url(): string {
    const { host } = this.#config.http
    const name = host === '0.0.0.0' || host === '::' ? 'localhost' : host.includes(':') ? `[${host}]` : host
    return this.#config.node.publicUrl ?? `http://${name}:${this.#port}`
  }

  /** What the operator reads first. */
  get welcome(): string {
    const { secrets, storage } = this.#config
    const data = secrets.databaseUrls === undefined ? `, with its data in ${storage.dataDir}` : ''
    return [
      `Parley is ready on ${this.url}${data}`,
      '  chat       npm run chat -- +15550000001',
      `  API page   ${this.url}/docs`,
    ].join('\n')
  }

  /** Resolves when it serves. @throws StartError, after which everything is closed again */
  async start(): Promise<void> {
    this.#enter('starting', ['created'])
    const startedAt = performance.now()
    try {
      await this.#open()
      this.#enter('started', ['starting'])
    } catch (error) {
      await this.destroy()
      throw error
    }
    const { publicUrl } = this.#config.node
    if (publicUrl !== undefined && isInTheClear(publicUrl)) this.#events.publicUrlInTheClear(publicUrl)
    this.#events.nodeStarted(this.#port, performance.now() - startedAt)
  }

  async #open(): Promise<void> {
    const config = this.#config
    const events = this.#events
    if (config.http.port !== 0) await requirePort(config.http.host, config.http.port)

    const connections = this.#openConnections(config.secrets.databaseUrls?.length ?? 1)

    // storage
    const shards = await this.#openDatabases()
    const clocks = await this.#watchClocks(shards)
    const { clock } = clocks
    const tokens = new TokenLookup(shards, config.storage)
    this.#checks['database'] = () => this.#checkDatabases(shards)
    const masterKeys = await this.#loadMasterKeys()
    this.#watchKeyBoxes(shards, masterKeys)
    const hostedRecords = new HostedRecords(shards, config.hosted.connections)
    this.#opened.defer(() => hostedRecords.close())

    // messages
    const clientAddress = clientAddressBehind(config.http.trustedProxies, (address) => events.unknownProxy(address))
    const limiters = new Limiters(config.limits, monotonicClock, events)
    const budgets = new Budgets(config.limits, new Buckets(shards, masterKeys?.first), events)
    const lookups = new Lookups(budgets, monotonicClock, events)
    const bus = await this.#openBus()
    const messaging = await Messaging.open({
      nodeId: this.id,
      config,
      clock,
      monotonic: monotonicClock,
      clocksAgree: () => clocks.agree,
      events,
      shards,
      tokens,
      limiters,
      lookups,
      bus,
      clientAddress,
      connections,
    })
    const { core } = messaging
    this.#messaging = messaging
    this.#opened.defer(() => messaging.close())
    this.#checks['journal'] = () => messaging.checkJournals()
    this.#checks['stamps'] = () => messaging.checkStamps()
    this.#checks['expiry'] = () => messaging.checkExpiry()
    clocks.onStep((was) => messaging.clockStepped(was))
    this.#checks['load'] = () => messaging.overload.check()
    const mailboxes = new DatabaseSamples(
      shards.all,
      ({ pool }) => sampleMailboxes(pool),
      (error) => events.taskFailed('looking at the mailboxes', error),
    )
    this.#opened.use(mailboxes.start(config.storage.mailboxSampleIntervalMs))
    registerNodeGauges(this.#registry, {
      overload: messaging.overload,
      bus,
      connections,
      residents: core.residents,
      stamps: messaging.stamps,
      expiry: messaging.expiry,
      fullMailboxes: () => messaging.fullMailboxes,
      mailboxes: mailboxes.latest,
    })

    // accounts
    const forgetDevices = (user: UserId) => {
      tokens.forget(user)
      core.directory.forget(user)
    }
    const control = new Control(bus, {
      devicesChanged: (user) => {
        forgetDevices(user)
        void core.recheck(user)
      },
      anythingChanged: () => {
        tokens.clear()
        core.directory.clear()
      },
    })
    this.#opened.defer(() => control.close())
    const hooks: AccountHooks = {
      onDevicesChanged: (user) => {
        forgetDevices(user)
        control.announce(user)
      },
      onDeviceRemoved: (address) => core.endRemoved(address),
      onPrivacyChanged: (user) => core.presence.privacyChanged(user),
      returnMailbox: (address) => core.returns.returnMailbox(address),
    }
    const accounts = new Accounts(shards, hooks)
    const contacts = new Contacts(shards, hooks.onPrivacyChanged)
    const sweep = () => sweepExpired(shards)
    this.#opened.use(repeat(sweep, config.storage.sweepIntervalMs, (error) => events.taskFailed('sweep', error)))

    // transport
    const app = uWS.App()
    messaging.serve(app)

    // HTTP
    this.#checks['node'] = () => this.#checkState()
    const api = createApi({
      config,
      clock,
      events,
      shards,
      tokens,
      limiters,
      budgets,
      lookups,
      accounts,
      contacts,
      registry: this.#registry,
      checks: this.#checks,
      hosted: core.hosted,
      hostedRecords,
      hints: core.hints,
      links: new Links(shards, hooks, config.accounts.linkLifetimeMs),
      bus,
      masterKeys,
      overload: messaging.overload,
      sms: this.#createSmsSender(),
    })
    this.#opened.defer(() => api.close())
    const openerOf = openerBehind(config.http.trustedProxies)
    const http = new HttpServer({ app, runner: api.runner, events, clientAddress, connections, openerOf })
    http.serve(api.routes)
    this.#api = api
    this.#http = http
    this.#opened.defer(() => http.close())
    this.#port = await http.listen(config.http.host, config.http.port)

    // operators
    const { metrics } = config
    if (metrics.port !== undefined) {
      const server = await MetricsServer.listen(this.#registry, metrics.host, metrics.port)
      this.#metricsPort = server.port
      this.#opened.defer(() => server.close())
    }
    if (bus instanceof NatsBus) this.#opened.use(this.#serveOperators(bus, messaging, shards, clock))
  }

  #serveOperators(
    bus: NatsBus,
    { core, gateway, overload, expiry }: Messaging,
    shards: Shards<Database>,
    clock: Clock,
  ): AsyncDisposable {
    const { name } = this.#config.node
    const parts: OpsParts = {
      node: { id: this.id, name, version: VERSION, url: this.url },
      bus,
      overload,
      residents: core.residents,
      gateway,
      startedAtMs: clock.now(),
      now: () => clock.now(),
      state: () => this.#state,
      findUser: (user) => shards.run(user, (database) => findUserReport(database, user)),
      drain: () => this.#overrides.onDrainRequest?.(),
      releaseExpiry: () => expiry.release(),
    }
    return serveOperators(bus, parts, (error) => this.#events.taskFailed('answering operators', error))
  }

  /** Goes out of service without breaking anything that is under way. */
  async drain(): Promise<void> {
    this.#enter('draining', ['started'])
    this.#events.nodeDraining()
    this.#http?.startDraining()
    this.#api?.stopWaiting()
    const { drainPauseMs } = this.#config.node
    if (drainPauseMs > 0) await delay(drainPauseMs)
    await this.#messaging?.drain()
    await this.#http?.finish(this.#config.node.drainTimeoutMs)
  }

  /** Closes everything, in the reverse order of its opening. */
  async destroy(): Promise<void> {
    if (this.#state === 'destroyed') return
    const served = this.#state === 'started' || this.#state === 'draining'
    this.#state = 'destroyed'
    await this.#opened.disposeAsync()
    if (served) this.#events.nodeStopped()
  }

  /** For a process that ends now: nothing is waited for. */
  abandon(): void {
    this.#ending.abort()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.destroy()
  }

  #enter(state: State, from: readonly State[]): void {
    if (!from.includes(this.#state)) throw new TypeError(`A node that is ${this.#state} cannot become ${state}`)
    this.#state = state
  }

  /** The databases of DATABASE_URLS, or the one of an embedded PostgreSQL, with this version's schema. */
  async #openDatabases(): Promise<Shards<Database>> {
    const { storage, secrets } = this.#config
    const urls = secrets.databaseUrls ?? [await this.#startPostgres(storage)]
    const databases: Database[] = []
    for (const url of urls) {
      const onWarning = (message: string) => this.#events.databaseWarning(databaseName(url), message)
      const ran = await migrate({ ...storage, url, onWarning }, (what) => this.#events.startWaits(what))
      if (ran.length > 0) this.#events.migrated(databaseName(url), ran)
      const database = await Database.open({ ...storage, url, onWarning })
      this.#opened.defer(() => database.close())
      databases.push(database)
    }
    const { shards, watch } = await openShards(databases, this.#events)
    this.#opened.defer(() => watch.close())
    return shards
  }

  async #watchClocks({ all: databases }: Shards<Database>): Promise<ClockWatch> {
    const { systemClock } = this.#overrides
    const watch = await ClockWatch.open({
      databases,
      settings: this.#config.clock,
      events: this.#events,
      ...(systemClock === undefined ? {} : { system: systemClock }),
    })
    watch.register(this.#registry)
    this.#checks['clock'] = () => watch.check()
    this.#opened.use(watch.start())
    return watch
  }

  /** The operator's keys; a node alone makes one for itself. */
  #loadMasterKeys(): Promise<MasterKeys | undefined> {
    const { storage, secrets } = this.#config
    const dataDir = secrets.databaseUrls === undefined ? storage.dataDir : undefined
    return loadMasterKeys({ configured: secrets.masterKeys, dataDir }, (file) => this.#events.masterKeyMade(file))
  }

  /** Places for as many connections as there are files for. @throws StartError when there are too few for anything */
  #openConnections(databases: number): ConnectionPlaces {
    const settings = this.#config.connections
    const files = readFileLimit() ?? Infinity
    const reserved = reservedFiles(settings, databases)
    if (files <= reserved) throw new StartError(`The system allows ${files} files: a node needs more than ${reserved}`)
    const max = roomForConnections(settings, files, databases)
    const connections = new ConnectionPlaces({ ...settings, max }, this.#events)
    this.#checks['connections'] = (): Health => {
      if (!connections.crowded) return { state: 'ok' }
      return { state: 'degraded', reason: `${connections.open} of ${connections.max} connections are open` }
    }
    return connections
  }

  #watchKeyBoxes({ all: databases }: Shards<Database>, masterKeys: MasterKeys | undefined): void {
    const watch = new KeyBoxWatch({ databases, masterKeys, events: this.#events })
    watch.register(this.#registry)
    this.#checks['hostedKeys'] = () => watch.check()
    this.#opened.use(watch.start(this.#config.hosted.keyBoxSampleIntervalMs))
  }

  async #startPostgres({ dataDir, backupDir }: Config['storage']): Promise<string> {
    const settings = await openArchive(backupDir)
    const postgres = await EmbeddedPostgres.start({
      dataDir,
      settings,
      signal: this.#ending.signal,
      onWait: (what) => this.#events.startWaits(what),
      onCrash: () => this.#events.databaseCrashed(),
    })
    this.#opened.defer(() => postgres.stop())
    return postgres.url
  }

  /** NATS if there is one, which may come later; else a bus within this process. */
  async #openBus(): Promise<Bus> {
    const { bus: options, secrets } = this.#config
    const { natsUrls } = secrets
    if (natsUrls === undefined) {
      const bus = (this.#overrides.hub ?? new LocalBusHub()).connect(options.requestTimeoutMs)
      this.#opened.defer(() => bus.close())
      return bus
    }
    const bus = new NatsBus({ ...options, node: this.id, servers: natsUrls }, this.#events)
    this.#opened.defer(() => bus.close())
    this.#checks['bus'] = () =>
      bus.connected ? { state: 'ok' } : { state: 'degraded', reason: 'NATS is away: other nodes hear of messages late' }
    await bus.open()
    return bus
  }

  #createSmsSender(): SmsSender {
    const { smsUrl } = this.#config.secrets
    if (this.#overrides.sms !== undefined) return this.#overrides.sms
    if (smsUrl === undefined)
      return new ConsoleSmsSender(this.#logger, process.stdout.isTTY ? process.stdout : undefined)
    return new HttpSmsSender(smsUrl, this.#config.accounts.smsTimeoutMs)
  }

  #checkState(): Health {
    return this.#state === 'started' ? { state: 'ok' } : { state: 'failed', reason: this.#state }
  }

  async #checkDatabases(shards: Shards<Database>): Promise<Health> {
    await Promise.all(shards.all.map((database) => database.pool.query('SELECT')))
    return { state: 'ok' }
  }
}
