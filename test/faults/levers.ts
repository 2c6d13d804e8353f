import type { TcpProxy } from '../helpers/tcp-proxy.ts'
import type { Crowd } from './crowd.ts'
import type { NodeProcess } from './node-process.ts'
import type { Person } from './person.ts'
import type { PostgresServer, Victim } from './postgres-server.ts'

/** What can befall a node, by name. What a lever breaks for a time lasts as long as the work that it is given. */
export class Levers {
  readonly #node: NodeProcess
  readonly #postgres: PostgresServer
  readonly #databaseLink: TcpProxy | undefined

  constructor(node: NodeProcess, postgres: PostgresServer, databaseLink: TcpProxy | undefined) {
    this.#node = node
    this.#postgres = postgres
    this.#databaseLink = databaseLink
  }

  /** kill -9 of the node, then a start on the same port and data. */
  async kill(): Promise<void> {
    await this.#node.kill()
    await this.#node.start()
  }

  /** Drains the node and starts it again. @returns the exit code of the drained one */
  async rollingRestart(): Promise<number | null> {
    const code = await this.#node.stop()
    await this.#node.start()
    return code
  }

  /** Stops the node in the middle of whatever it does, while the work lasts. */
  async freeze(during: () => Promise<void>): Promise<void> {
    this.#node.freeze()
    try {
      await during()
    } finally {
      this.#node.thaw()
    }
  }

  restartPostgres(): Promise<void> {
    return this.#postgres.restart()
  }

  killPostgres(victim: Victim): Promise<void> {
    return this.#postgres.kill(victim)
  }

  async freezePostgres(during: () => Promise<void>): Promise<void> {
    await this.#postgres.freeze()
    try {
      await during()
    } finally {
      await this.#postgres.thaw()
    }
  }

  /** Resets all connections between the node and its PostgreSQL, whatever statements are under way. */
  cutLink(): void {
    this.#requireDatabaseLink().cut()
  }

  /** No connection between the node and its PostgreSQL, while the work lasts. */
  async severLink(during: () => Promise<void>): Promise<void> {
    const link = this.#requireDatabaseLink()
    link.sever()
    try {
      await during()
    } finally {
      link.mend()
    }
  }

  /** Holds PostgreSQL, and lets the crowd write until the journal has no room and refuses. */
  async fillJournal(crowd: Crowd, refusals: number): Promise<void> {
    await this.freezePostgres(() => crowd.moreRefused(refusals))
  }

  /** A person's device stops reading, while the work lasts. */
  async slowClient({ link }: Person, during: () => Promise<void>): Promise<void> {
    link.stall()
    try {
      await during()
    } finally {
      link.flow()
    }
  }

  /** Cuts the links of all clients at once. */
  reconnectStorm(crowd: Crowd): void {
    for (const { link } of crowd.people) link.cut()
  }

  #requireDatabaseLink(): TcpProxy {
    if (this.#databaseLink === undefined) throw new Error('The PostgreSQL of this harness has no link to cut')
    return this.#databaseLink
  }
}
