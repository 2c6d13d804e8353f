import type { IncomingMessage, OutgoingMessage } from '../../client/node.ts'
import { Checker } from '../../tools/replay/checker.ts'
import type { Findings } from '../../tools/replay/checker.ts'
import { pick, seededRandom } from '../../tools/replay/random.ts'
import type { SmsSink } from '../../tools/replay/sms-sink.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Person } from './person.ts'
import { StallClock } from './stall-clock.ts'

export interface CrowdOptions {
  readonly url: string
  readonly sms: SmsSink
  readonly users: number
  readonly seed: number
}

export interface LoadOptions {
  /** Messages a second, by all together. */
  readonly perSecond: number
  /** Now and then somebody goes offline for a while. */
  readonly absences?: boolean
  /** Who writes, and to whom; default: everybody to everybody. */
  readonly writers?: readonly Person[]
  readonly readers?: readonly Person[]
  /** What they say. */
  readonly words?: readonly [string, ...string[]]
}

/** What became of a run. */
export interface Tally {
  readonly seed: number
  readonly sent: number
  readonly accepted: number
  readonly displayed: number
  readonly refusedForNow: number
  readonly sessions: number
  readonly longestStallMs: number
}

const TICK_MS = 10
/** Out of so many messages one makes somebody leave, for so many at most. */
const LEAVE_EVERY = 40
const LONGEST_ABSENCE = 120
const REST_MS = 60_000
const WORDS = ['Hello', 'Привет', '你好 👋', 'A longer one: '.repeat(80), 'ok'] as const
let blocks = 0

/** People who write to each other at a steady rate, and the checker that is told all they send and see. */
export class Crowd {
  readonly people: Person[] = []
  readonly checker = new Checker()
  /** What no fault excuses. */
  readonly complaints: string[] = []
  readonly random: () => number
  readonly #seed: number
  readonly #stalls = new StallClock()
  readonly #returns: { at: number; person: Person }[] = []
  #sent = 0
  #displayed = 0
  #refusedForNow = 0
  #sessions = 0
  #stopLoad: () => void = () => {}

  private constructor(seed: number) {
    this.#seed = seed
    this.random = seededRandom(seed)
  }

  /** Registers everybody and waits until all are online. */
  static async gather({ url, sms, users, seed }: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(seed)
    const block = 1_555_100_0000 + blocks++ * 100
    for (let i = 1; i <= users; i++) {
      const user = block + i
      const person = await Person.register(
        url,
        sms,
        { user, random: seededRandom(seed + i) },
        {
          shown: (message) => crowd.#shown(person, message),
          moved: (message) => crowd.#moved(person, message),
          refused: ({ code, message, temporary }) => {
            if (temporary) crowd.#refusedForNow++
            else crowd.complaints.push(`${user} was refused: ${code} ${message}`)
          },
          connected: () => void crowd.#sessions++,
          failed: (reason) => void crowd.complaints.push(`${user}: ${reason}`),
        },
      )
      crowd.people.push(person)
      await person.arrive()
    }
    await crowd.allOnline()
    return crowd
  }

  get sent(): number {
    return this.#sent
  }

  get displayed(): number {
    return this.#displayed
  }

  get refusedForNow(): number {
    return this.#refusedForNow
  }

  /** Writes one message, with some of the words. */
  write(from: Person, to: Person, words: readonly [string, ...string[]] = WORDS): void {
    const text = `${this.#sent} ${pick(this.random, words)}`
    const { id } = from.write(to.user, text)
    this.checker.sent({ id, from: from.device, to: to.user, text })
    this.#sent++
    this.#stalls.sent(performance.now())
  }

  /** Goes on until {@link rest}. */
  load(options: LoadOptions): void {
    const startedAt = performance.now()
    const before = this.#sent
    const timer = setInterval(() => {
      const due = before + ((performance.now() - startedAt) / 1_000) * options.perSecond
      while (this.#sent < due) this.#writeOne(options)
    }, TICK_MS)
    this.#stopLoad = () => clearInterval(timer)
  }

  /** Resolves when so many more messages were written, whether or not they arrive. */
  async moreSent(count: number): Promise<void> {
    const until = this.#sent + count
    await this.until(`${count} more messages were written`, () => this.#sent >= until)
  }

  /** Resolves when so many more messages were displayed. */
  async moreDisplayed(count: number): Promise<void> {
    const until = this.#displayed + count
    await this.until(`${count} more messages were displayed`, () => this.#displayed >= until)
  }

  /** Resolves when the server has refused so many more sends for the moment. */
  async moreRefused(count: number): Promise<void> {
    const until = this.#refusedForNow + count
    await this.until(`${count} more sends were refused`, () => this.#refusedForNow >= until)
  }

  async allOnline(): Promise<void> {
    await this.until('everybody is online', () => this.people.every(({ isOnline }) => isOnline))
  }

  /** Ends the load, brings everybody back, and waits until every message is accepted, displayed and read. */
  async rest(): Promise<void> {
    this.#stopLoad()
    for (const person of this.people) await person.arrive()
    await this.until(
      'everything is accepted, displayed and read',
      () => this.#displayed >= this.#sent && this.#allRead(),
    )
  }

  /** A failure says what each session had in flight. */
  async until(description: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await waitUntil(description, condition, REST_MS)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#describe()}`, { cause: error })
    }
  }

  findings(): Findings {
    return this.checker.findings((user) => [`${user}.1`])
  }

  tally(): Tally {
    return {
      seed: this.#seed,
      sent: this.#sent,
      accepted: this.checker.progress().accepted,
      displayed: this.#displayed,
      refusedForNow: this.#refusedForNow,
      sessions: this.#sessions,
      longestStallMs: this.#stalls.longestMs,
    }
  }

  async close(): Promise<void> {
    this.#stopLoad()
    await Promise.all(this.people.map((person) => person.close()))
  }

  #allRead(): boolean {
    return this.checker.progress().read >= this.#sent
  }

  #writeOne({ absences = false, writers = this.people, readers = this.people, words }: LoadOptions): void {
    if (absences) this.#move()
    const able = writers.filter((person) => person.canWrite)
    const from = able[Math.floor(this.random() * able.length)]
    const others = readers.filter((person) => person !== from)
    const to = others[Math.floor(this.random() * others.length)]
    if (from !== undefined && to !== undefined) this.write(from, to, words)
  }

  /** Somebody may leave or come back. */
  #move(): void {
    for (const back of this.#returns.filter(({ at }) => at <= this.#sent)) {
      this.#returns.splice(this.#returns.indexOf(back), 1)
      this.#do(back.person.arrive())
    }
    if (this.random() >= 1 / LEAVE_EVERY) return
    const person = this.people[Math.floor(this.random() * this.people.length)]
    const away = this.people.filter(({ isAway }) => isAway).length
    if (person === undefined || person.isAway || away > this.people.length / 2) return
    this.#returns.push({ at: this.#sent + Math.ceil(this.random() * LONGEST_ABSENCE), person })
    this.#do(person.leave(this.random() < 0.5 ? 'disconnected' : 'closed'))
  }

  #do(work: Promise<void>): void {
    work.catch((error: unknown) => this.complaints.push(String(error)))
  }

  #shown(person: Person, { chat, device, id, body }: IncomingMessage): void {
    this.#displayed++
    this.#stalls.displayed(performance.now())
    const text = 'text' in body ? body.text : `[${body.type}]`
    this.checker.shown(person.device, { id, from: `${chat}.${device}`, text })
  }

  #moved(person: Person, { id, status, error }: OutgoingMessage): void {
    if (status === 'failed' || status === 'expired')
      this.complaints.push(`${person.user}: ${id} ${status} ${error ?? ''}`)
    else if (status !== 'waiting') this.checker.receipt(person.device, id, status)
  }

  #describe(): string {
    const lost = this.findings()
    const counts = Object.entries(lost).map(([name, ids]) => `${name} ${(ids as readonly string[]).length}`)
    const states = this.people.map((person) => `${person.device} ${JSON.stringify(person.state)}`)
    return [JSON.stringify(this.tally()), counts.join(', '), ...states, ...this.complaints].join('\n')
  }
}
