import { chmod, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { ExecutionContext } from 'ava'
import { EmbeddedPostgres } from '../../src/storage/embedded-postgres.ts'
import { isClean } from '../../tools/replay/checker.ts'
import { SmsSink } from '../../tools/replay/sms-sink.ts'
import { fillDataDir } from '../helpers/data-dir.ts'
import { TcpProxy } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Crowd } from './crowd.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { Levers } from './levers.ts'
import { NodeProcess } from './node-process.ts'
import { PostgresServer } from './postgres-server.ts'
import type { Settings } from './settings.ts'

export interface HarnessOptions {
  /** `embedded`: the node's own. `linked`: beside it, behind a link that can be cut. */
  readonly postgres: 'embedded' | 'linked'
  readonly settings?: Settings
  /** Where its data lives; default: beside its logs, in a temporary directory. */
  readonly dataDir?: string
}

export interface ScenarioOptions {
  readonly users: number
  /** FAULT_SEED replaces it. */
  readonly seed: number
}

/** Small, so that pages, windows and polls come into play within seconds. */
const SETTINGS = {
  mailbox: { windowEnvelopes: 32, inFlightEnvelopes: 160, pollIntervalMs: 1_000 },
} as const satisfies Settings

/** Of the node's log, that a failure shows. */
const LOG_LINES = 20

/** One node as a process with its PostgreSQL, and what can befall them. */
export class Harness {
  readonly node: NodeProcess
  readonly postgres: PostgresServer
  readonly levers: Levers
  readonly sms: SmsSink
  readonly #opened: AsyncDisposableStack

  private constructor(
    node: NodeProcess,
    postgres: PostgresServer,
    databaseLink: TcpProxy | undefined,
    sms: SmsSink,
    opened: AsyncDisposableStack,
  ) {
    this.node = node
    this.postgres = postgres
    this.levers = new Levers(node, postgres, databaseLink)
    this.sms = sms
    this.#opened = opened
  }

  static async start({ postgres: kind, settings = {}, ...options }: HarnessOptions): Promise<Harness> {
    await using opened = new AsyncDisposableStack()
    const directory = await mkdtemp(join(tmpdir(), 'parley-faults-'))
    opened.defer(() => rm(directory, { recursive: true, force: true }))
    // PostgreSQL's own user must be able to pass.
    await chmod(directory, 0o755)
    const dataDir = options.dataDir ?? directory
    await fillDataDir(dataDir)
    const sms = await SmsSink.open(0)
    opened.defer(() => sms.close())
    const postgres = new PostgresServer(dataDir)
    opened.defer(() => postgres.end())
    const link = kind === 'linked' ? await openLinked(dataDir, opened) : undefined
    const port = await findFixedPort()
    const node = new NodeProcess({
      directory,
      dataDir,
      port,
      smsUrl: sms.url,
      settings: { ...settings, mailbox: { ...SETTINGS.mailbox, ...settings.mailbox } },
      ...(link === undefined ? {} : { databaseUrl: `postgresql://parley@127.0.0.1:${link.port}/parley` }),
    })
    opened.defer(() => node.kill())
    await node.start()
    return new Harness(node, postgres, link, sms, opened.move())
  }

  /**
   * Gathers a crowd, lets the scenario do its worst, and then checks: all that was accepted is displayed once and in
   * order, nothing else is, every receipt came, and no row is left.
   */
  async run(t: ExecutionContext, options: ScenarioOptions, scenario: (crowd: Crowd) => Promise<void>): Promise<void> {
    const seed = Number(process.env['FAULT_SEED'] ?? options.seed)
    t.log(`seed ${seed}`)
    const crowd = await Crowd.gather({ url: this.node.url, sms: this.sms, users: options.users, seed })
    try {
      await scenario(crowd)
      await crowd.rest()
      await this.#noRowIsLeft(crowd)
      const { sent, accepted, displayed, refusedForNow, sessions, longestStallMs } = crowd.tally()
      const findings = crowd.findings()
      t.log(
        [
          `sent ${sent}, accepted ${accepted}, displayed ${displayed}`,
          `lost ${findings.lost.length}, duplicated ${findings.duplicated.length}`,
          `out of order ${findings.outOfOrder.length}, refused for now ${refusedForNow}`,
          `sessions ${sessions}, longest stall ${(longestStallMs / 1_000).toFixed(1)} s`,
        ].join(', '),
      )
      t.true(isClean(findings), JSON.stringify(findings))
      t.deepEqual(crowd.complaints, [])
    } catch (error) {
      t.log((await this.node.readLog()).split('\n').slice(-LOG_LINES).join('\n'))
      throw error
    } finally {
      await crowd.close()
    }
  }

  /** In the crowd's mailboxes: an earlier one has left the server, and what came late waits for it. */
  async #noRowIsLeft(crowd: Crowd): Promise<void> {
    const users = crowd.people.map(({ user }) => user)
    let rows: readonly object[] = []
    try {
      await waitUntil('no row is left', async () => {
        rows = await this.postgres.readEnvelopes(users)
        return rows.length === 0
      })
    } catch (error) {
      throw new Error(`${(error as Error).message}: ${JSON.stringify(rows)}`, { cause: error })
    }
  }

  async stop(): Promise<void> {
    await this.#opened.disposeAsync()
  }
}

async function openLinked(dataDir: string, opened: AsyncDisposableStack): Promise<TcpProxy> {
  const server = await EmbeddedPostgres.start({ dataDir })
  opened.defer(() => server.stop())
  const host = new URL(server.url).searchParams.get('host') ?? ''
  const link = await TcpProxy.open({ path: join(host, '.s.PGSQL.5432') })
  opened.defer(() => link.close())
  return link
}
