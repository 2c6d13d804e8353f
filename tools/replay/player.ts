import type { IncomingMessage, OutgoingMessage } from '../../client/node.ts'
import { Checker } from './checker.ts'
import type { Findings } from './checker.ts'
import { Latencies } from './latencies.ts'
import { Person } from './person.ts'
import type { CodeSource } from './person.ts'
import { seededRandom } from './random.ts'
import type { Script } from './script.ts'

export interface PlayOptions {
  readonly url: string
  readonly sms: CodeSource
  /** For the stores of the clients. */
  readonly directory: string
  readonly seed: number
  /** Messages written by people who are online and that are not yet accepted: more are not begun. */
  readonly window: number
  /** Without any progress for so long the rest will not come. */
  readonly patienceMs: number
  progress(done: PlayProgress): void
}

export interface PlayProgress {
  /** What is played now. */
  readonly stage: 'registering' | 'playing' | 'settling' | 'done'
  readonly sent: number
  readonly accepted: number
  readonly delivered: number
  readonly read: number
  /** Persons who are offline now. */
  readonly away: number
}

export interface PlayResult {
  readonly progress: PlayProgress
  readonly findings: Findings
  /** Messages whose text, after encryption and decryption, was the one that was written. */
  readonly decrypted: number
  /** Of messages whose people were online from the first moment on. */
  readonly acceptedMs: Latencies
  readonly deliveredMs: Latencies
  readonly absences: number
  readonly durationMs: number
  /** What clients complained of. */
  readonly complaints: readonly string[]
}

/** A message on its way, for the latencies. */
interface Flight {
  readonly writer: Person
  readonly reader: Person
  readonly startedAt: number
  /** Both have been online ever since. */
  measured: boolean
  /** It takes a place in the window. */
  counted: boolean
  accepted: boolean
  delivered: boolean
}

/** Out of so many lines one makes somebody leave. */
const LEAVE_EVERY = 60
/** How often to look although nothing was heard. */
const LOOK_MS = 200

/** Plays a chat through real clients: each message goes to every other author, some of whom are away for a while. */
export class Player {
  readonly #script: Script
  readonly #options: PlayOptions
  readonly #random: () => number
  readonly #checker = new Checker()
  readonly #people: Person[] = []
  readonly #flights = new Map<string, Flight>()
  readonly #acceptedMs = new Latencies()
  readonly #deliveredMs = new Latencies()
  readonly #complaints = new Set<string>()
  /** At which line who comes back. */
  readonly #returns = new Map<number, Person[]>()
  #counts = { sent: 0, accepted: 0, delivered: 0, read: 0 }
  #stage: PlayProgress['stage'] = 'registering'
  #unanswered = 0
  #heard: () => void = () => {}
  #absences = 0

  constructor(script: Script, options: PlayOptions) {
    this.#script = script
    this.#options = options
    this.#random = seededRandom(options.seed)
  }

  /** How many sends the script makes. */
  static countSends(script: Script): number {
    return script.lines.length * (script.authors.length - 1)
  }

  async play(): Promise<PlayResult> {
    try {
      await this.#register()
      const startedAt = performance.now()
      this.#stage = 'playing'
      await this.#playLines()
      this.#stage = 'settling'
      for (const person of this.#people) await person.arrive()
      await this.#settle()
      this.#stage = 'done'
      return {
        progress: this.#tell(),
        findings: this.#checker.findings((user) => [`${user}.1`]),
        decrypted: this.#checker.shownAsSent,
        acceptedMs: this.#acceptedMs,
        deliveredMs: this.#deliveredMs,
        absences: this.#absences,
        durationMs: performance.now() - startedAt,
        complaints: [...this.#complaints],
      }
    } finally {
      for (const person of this.#people) await person.close()
    }
  }

  async #register(): Promise<void> {
    // +1 555 xxx 0001 and so on: a block that hardly ever meets somebody of an earlier run.
    const block = 1_555_000_0000 + Math.floor(Math.random() * 1_000) * 10_000
    for (const [index, name] of this.#script.authors.entries()) {
      const user = block + index + 1
      const { url, sms, directory } = this.#options
      const person = await Person.register(
        url,
        sms,
        { name, user, directory },
        {
          shown: (message) => this.#shown(user, message),
          moved: (message) => this.#moved(user, message),
          connection: () => this.#heard(),
          failed: (reason) => this.#complaints.add(`${name}: ${reason}`),
        },
      )
      this.#people.push(person)
      await this.#arrive(person)
      this.#tell()
    }
  }

  async #playLines(): Promise<void> {
    for (const [index, { author, text }] of this.#script.lines.entries()) {
      for (const person of this.#returns.get(index) ?? []) await this.#arrive(person)
      await this.#maybeLeave(index)
      const writer = this.#people[author]
      if (writer === undefined) continue
      // Somebody without a network can write; with a closed app nobody can.
      if (writer.isClosed) await this.#arrive(writer)
      await this.#until(() => this.#unanswered < this.#options.window)
      for (const reader of this.#people) if (reader !== writer) this.#send(writer, reader, text)
      if (index % 25 === 0) this.#tell()
    }
  }

  #send(writer: Person, reader: Person, text: string): void {
    const measured = writer.isOnline && reader.isOnline
    const startedAt = performance.now()
    const message = writer.client.sendText(reader.user, text)
    this.#checker.sent({ id: message.id, from: `${writer.user}.1`, to: reader.user, text: text.toWellFormed() })
    const counted = writer.isOnline
    this.#flights.set(message.id, { writer, reader, startedAt, measured, counted, accepted: false, delivered: false })
    this.#counts.sent += 1
    if (counted) this.#unanswered += 1
  }

  async #arrive(person: Person): Promise<void> {
    await person.arrive()
    await this.#until(() => person.isOnline)
  }

  /** Now and then somebody goes away, for a twentieth of the chat at most. */
  async #maybeLeave(index: number): Promise<void> {
    if (this.#random() >= 1 / LEAVE_EVERY) return
    const person = this.#people[Math.floor(this.#random() * this.#people.length)]
    if (person === undefined || person.isAway) return
    this.#absences += 1
    const { lines, authors } = this.#script
    const longest = Math.max(10, Math.min(lines.length / 20, 2_000 / authors.length))
    const back = index + 1 + Math.floor(this.#random() * longest)
    this.#returns.set(back, [...(this.#returns.get(back) ?? []), person])
    for (const flight of this.#flights.values()) {
      if (flight.writer === person) this.#uncount(flight)
      if (flight.writer === person || flight.reader === person) flight.measured = false
    }
    await person.leave(this.#random() < 0.5 ? 'disconnected' : 'closed')
  }

  #uncount(flight: Flight): void {
    if (flight.counted) this.#unanswered -= 1
    flight.counted = false
  }

  #shown(user: number, { chat, device, id, body }: IncomingMessage): void {
    const from = `${chat}.${device}`
    this.#checker.shown(`${user}.1`, { id, from, text: 'text' in body ? body.text : `[${body.type}]` })
    // Everybody marks what it sees.
    this.#checker.seen({ id, from })
  }

  #moved(user: number, { id, status, error }: OutgoingMessage): void {
    this.#heard()
    const flight = this.#flights.get(id)
    if (status === 'failed' || status === 'expired') {
      this.#complaints.add(`A message has ${status}: ${error ?? ''}`)
      if (flight !== undefined) this.#uncount(flight)
      return
    }
    if (status === 'waiting') return
    this.#checker.receipt(`${user}.1`, id, status)
    if (flight === undefined) return
    const elapsedMs = performance.now() - flight.startedAt
    if (!flight.accepted) {
      flight.accepted = true
      this.#counts.accepted += 1
      this.#uncount(flight)
      if (flight.measured) this.#acceptedMs.add(elapsedMs)
    }
    if (status === 'accepted') return
    if (!flight.delivered) {
      flight.delivered = true
      this.#counts.delivered += 1
      if (flight.measured) this.#deliveredMs.add(elapsedMs)
    }
    if (status === 'delivered') return
    this.#counts.read += 1
    // What else comes about it is for the checker only.
    this.#flights.delete(id)
  }

  /** Waits until all is read, or nothing moves any more. */
  async #settle(): Promise<void> {
    await this.#until(() => this.#counts.read >= this.#counts.sent)
  }

  /** Gives up when there is no progress for a while. */
  async #until(condition: () => boolean): Promise<void> {
    let last = ''
    let movedAt = performance.now()
    while (!condition()) {
      await this.#news()
      const now = JSON.stringify([this.#counts, this.#people.map(({ isOnline }) => isOnline)])
      if (now !== last) movedAt = performance.now()
      last = now
      if (performance.now() - movedAt > this.#options.patienceMs) {
        this.#complaints.add(`Nothing moved for ${Math.round(this.#options.patienceMs / 1000)} s`)
        return
      }
      this.#tell()
    }
  }

  /** Resolves when something has moved, or after a while. */
  #news(): Promise<void> {
    return new Promise((resolve) => {
      const timer = setTimeout(resolve, LOOK_MS)
      this.#heard = () => {
        clearTimeout(timer)
        resolve()
      }
    })
  }

  #tell(): PlayProgress {
    const away = this.#people.filter(({ isOnline }) => !isOnline).length
    const progress = { stage: this.#stage, ...this.#counts, away }
    this.#options.progress(progress)
    return progress
  }
}
