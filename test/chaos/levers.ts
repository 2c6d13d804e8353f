import { waitUntil } from '../helpers/wait-until.ts'
import type { Crowd } from '../faults/crowd.ts'
import type { Person } from '../faults/person.ts'
import type { PostgresServer, Victim } from '../faults/postgres-server.ts'
import { seededRandom } from '../../tools/replay/random.ts'
import { SLOW_LINE, SlowLine } from '../helpers/slow-line.ts'
import type { Direction, TcpProxy } from '../helpers/tcp-proxy.ts'
import { MONTH_SECONDS, TEN_MINUTES_SECONDS, wrongClock } from './clock-levers.ts'
import type { Cluster, ClusterNode } from './cluster.ts'
import type { Step } from './schedule.ts'

/** Resolves when a fault has lasted long enough. */
type During = () => Promise<void>

/** A share of the crowd that a fault befalls, at least one. */
const SHARE = 0.2
/** Of PostgreSQL, which replays its log since the last checkpoint. */
const RECOVERY_MS = 180_000
const UNFLUSHED_SECONDS = 1
const AWAY_MESSAGES = 200
const SIGNAL_BYTES = 50_000
const SIGNAL_EVERY_MS = 10

/** What can befall a cluster, by name. What a lever breaks for a time lasts as long as the work that it is given. */
export class Levers {
  readonly #cluster: Cluster

  constructor(cluster: Cluster) {
    this.#cluster = cluster
  }

  /** Does what a step of a schedule says, and mends it. */
  async pull(step: Step, crowd: Crowd, pass: (seconds: number) => Promise<void>): Promise<void> {
    const during: During = () => pass(step.seconds)
    const node = this.#cluster.nodes[step.node]!
    const database = this.#cluster.databases[step.database]!
    switch (step.fault) {
      case 'kill':
        return this.kill(node, during)
      case 'kill with an unflushed journal':
        return this.killUnflushed(node, crowd, () => pass(UNFLUSHED_SECONDS), during)
      case 'freeze':
        return this.freeze(node, during)
      case 'cutLink node–NATS':
        return this.cutLink([node.nats], during)
      case 'cutLink node–NATS, half-open':
        return this.silenceLink([node.nats], step.direction, during)
      case 'cutLink node–PostgreSQL':
        return this.cutLink(node.postgres, during)
      case 'cutLink node–PostgreSQL, half-open':
        return this.silenceLink(node.postgres, step.direction, during)
      case 'cutLink client–node':
        return this.cutLink(linksOf(someOf(crowd)), during)
      case 'cutLink client–node, half-open':
        return this.silenceLink(linksOf(someOf(crowd)), step.direction, during)
      case 'restartPostgres':
        return this.restartPostgres(database)
      case 'killPostgres':
        return this.killPostgres(database, step.victim)
      case 'stopNats, restart':
      case 'stopNats, absence':
        return this.stopNats(during)
      case 'slowClient':
        return this.slowClient(someOf(crowd), crowd, during)
      case 'slowLine':
        return this.slowLine(someOf(crowd), crowd, during)
      case 'wrongClock, a month':
        return wrongClock(node, MONTH_SECONDS, during)
      case 'wrongClock, ten minutes':
        return wrongClock(node, TEN_MINUTES_SECONDS, during)
      case 'fillDisk':
        return this.fillDisk(during)
      case 'reconnectStorm':
        return this.reconnectStorm(crowd)
      case 'rollingRestart':
        return this.rollingRestart()
    }
  }

  /** kill -9 of a node; later a start on the same port. */
  async kill({ process }: ClusterNode, during: During): Promise<void> {
    await process.kill()
    try {
      await during()
    } finally {
      await process.start()
    }
  }

  /** As {@link kill}, of a node that could write nothing for a while, though many recipients were away. */
  async killUnflushed(node: ClusterNode, crowd: Crowd, before: During, during: During): Promise<void> {
    for (const person of someOf(crowd)) crowd.sendAway(person, AWAY_MESSAGES)
    await this.silenceLink(node.postgres, 'toFar', async () => {
      await before()
      await node.process.kill()
    })
    await this.kill(node, during)
  }

  /** SIGSTOP of a node in the middle of whatever it does; SIGCONT later. */
  async freeze({ process }: ClusterNode, during: During): Promise<void> {
    process.freeze()
    try {
      await during()
    } finally {
      process.thaw()
    }
  }

  /** Resets all connections of the links, and every new one. */
  async cutLink(links: readonly TcpProxy[], during: During): Promise<void> {
    for (const link of links) link.sever()
    try {
      await during()
    } finally {
      for (const link of links) link.mend()
    }
  }

  /** The links lose what they are given, in a direction or both, and nobody is told. */
  async silenceLink(links: readonly TcpProxy[], direction: Direction, during: During): Promise<void> {
    for (const link of links) link.silence(direction)
    try {
      await during()
    } finally {
      for (const link of links) link.mend()
    }
  }

  restartPostgres(database: PostgresServer): Promise<void> {
    return database.restart()
  }

  killPostgres(database: PostgresServer, victim: Victim): Promise<void> {
    return database.kill(victim)
  }

  /** kill -9 of the nats-server; later a start on the same port. */
  async stopNats(during: During): Promise<void> {
    await this.#cluster.nats.stop()
    try {
      await during()
    } finally {
      await this.#cluster.nats.start()
    }
  }

  /** Devices stop reading, and one of them is sent more than it will ever read. */
  async slowClient(people: readonly Person[], crowd: Crowd, during: During): Promise<void> {
    for (const { link } of people) link.stall()
    const slowest = people[0]!
    const sender = crowd.people.find((person) => !people.includes(person) && person.isOnline)
    const timer = setInterval(() => {
      if (sender?.canWrite === true) sender.signal(slowest.user, new Uint8Array(SIGNAL_BYTES))
    }, SIGNAL_EVERY_MS)
    try {
      await during()
    } finally {
      clearInterval(timer)
      for (const { link } of people) link.flow()
    }
  }

  /** Devices are at the end of a slow, lossy line, some of them from the opening of their connection on. */
  async slowLine(people: readonly Person[], crowd: Crowd, during: During): Promise<void> {
    for (const [i, { link }] of people.entries()) {
      link.slow(new SlowLine(SLOW_LINE, seededRandom(Math.floor(crowd.random() * 2 ** 31))))
      if (i % 2 === 0) link.cut()
    }
    try {
      await during()
    } finally {
      for (const { link } of people) link.slow(undefined)
    }
  }

  /** No byte is free on the disk of the first database, not in its log either: PostgreSQL crashes over and over. */
  async fillDisk(during: During): Promise<void> {
    const { disk, databases } = this.#cluster
    if (disk === undefined) throw new Error('There is no small disk: this user may not mount one')
    await disk.fill()
    try {
      await databases[0]!.exhaustLog()
      await during()
    } finally {
      await disk.empty()
    }
    await databases[0]!.accepts(RECOVERY_MS)
  }

  /** Cuts the links of all clients at once. */
  reconnectStorm(crowd: Crowd): Promise<void> {
    for (const { link } of crowd.people) link.cut()
    return Promise.resolve()
  }

  /** Drains one node after the other and starts it again. */
  async rollingRestart(): Promise<void> {
    for (const { process } of this.#cluster.nodes) {
      const code = await process.stop()
      if (code !== 0) throw new Error(`A node that was told to stop ended with ${code}:\n${await process.readLog()}`)
      await process.start()
      await waitUntil('the node is ready', async () => (await fetch(`${process.url}/readyz`)).ok)
    }
  }
}

function someOf(crowd: Crowd): readonly [Person, ...Person[]] {
  const [first, ...others] = crowd.people
  return [first!, ...others.filter(() => crowd.random() < SHARE)]
}

function linksOf(people: readonly Person[]): readonly TcpProxy[] {
  return people.map(({ link }) => link)
}
