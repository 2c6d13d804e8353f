import type { IncomingMessage, OutgoingMessage } from '../../client/node.ts'
import { Checker } from '../../tools/replay/checker.ts'
import type { Findings } from '../../tools/replay/checker.ts'
import { LossWatch } from '../../tools/replay/loss-watch.ts'
import { pick, seededRandom } from '../../tools/replay/random.ts'
import type { SmsSink } from '../../tools/replay/sms-sink.ts'
import type { Target } from '../helpers/tcp-proxy.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import { Person } from './person.ts'
import { StallClock } from './stall-clock.ts'

export interface CrowdOptions {
  readonly url: string
  readonly sms: SmsSink
  readonly users: number
  readonly seed: number
  /** Where the links of all lead; default: to the URL. */
  readonly target?: Target
  /** Of the usual waiting time before the next attempt to connect. */
  readonly patience?: number
  /** How long anything may take at last. */
  readonly restMs?: number
  /** Hears of what no fault excuses, at once and in words. */
  readonly onComplaint?: (complaint: string) => void
  /** Hears all that happens, beside the checker. */
  readonly observer?: CrowdObserver
}

/** Hears what people do and see, as it happens. */
export interface CrowdObserver {
  sent(id: string, from: Person, to: Person): void
  accepted(id: string, from: Person): void
  displayed(id: string, to: Person): void
  /** A session began, or ended without being asked to. */
  connection(person: Person, online: boolean): void
  /** Somebody leaves or comes back of its own will. */
  moved(person: Person, away: boolean): void
}

export interface LoadOptions {
  /** Messages a second, by all together. */
  readonly perSecond: number
  /** Now and then somebody goes offline for a while. */
  readonly absences?: boolean
  /** In messages that the others write meanwhile. */
  readonly longestAbsence?: number
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
/** What a busy machine did not get to write is not made up for: it would only get busier. */
const LATEST_TICK_MS = 30
/** Out of so many messages one makes somebody leave, for so many at most. */
const LEAVE_EVERY = 40
const LONGEST_ABSENCE = 120
const REST_MS = 60_000
/** Whom everybody writes to in a large crowd: so many on either side. A first message costs as much as hundreds of later ones. */
const CIRCLE = 4
/** Registered at a time: making keys holds up this process, through which all links pass. */
const GROUP = 5
const PATIENCE = 0.1
/** Phone numbers of one crowd. */
const BLOCK = 10_000
const WORDS = ['Hello', 'Привет', '你好 👋', 'A longer one: '.repeat(80), 'ok'] as const
let blocks = 0

/** People who write to each other at a steady rate, and the checker that is told all they send and see. */
export class Crowd {
  readonly people: Person[] = []
  readonly checker = new Checker()
  readonly #watch = new LossWatch(({ id, evidence }) =>
    this.#complain(`lost: ${this.checker.describe(id)}: ${evidence}`),
  )
  /** What no fault excuses. */
  readonly complaints: string[] = []
  readonly random: () => number
  readonly #seed: number
  readonly #stalls = new StallClock()
  readonly #returns: { at: number; person: Person }[] = []
  readonly #restMs: number
  readonly #observer: CrowdObserver | undefined
  readonly #onComplaint: ((complaint: string) => void) | undefined
  #sent = 0
  #displayed = 0
  #refusedForNow = 0
  #sessions = 0
  #stopLoad: () => void = () => {}

  private constructor({ seed, restMs, observer, onComplaint }: CrowdOptions) {
    this.#seed = seed
    this.#restMs = restMs ?? REST_MS
    this.#observer = observer
    this.#onComplaint = onComplaint
    this.random = seededRandom(seed)
  }

  /** Registers everybody and waits until all are online. */
  static async gather(options: CrowdOptions): Promise<Crowd> {
    const crowd = new Crowd(options)
    try {
      await crowd.#gather(options)
      return crowd
    } catch (error) {
      await crowd.close()
      throw error
    }
  }

  async #gather(options: CrowdOptions): Promise<void> {
    const block = 1_555_100_0000 + blocks++ * BLOCK
    for (let first = 1; first <= options.users; first += GROUP) {
      const users = Array.from({ length: Math.min(GROUP, options.users - first + 1) }, (_, i) => first + i)
      this.people.push(...(await Promise.all(users.map((i) => this.#register(block, i, options)))))
    }
    await Promise.all(this.people.map((person) => person.arrive()))
    await this.allOnline()
    if (this.#isLarge) await this.#introduce()
  }

  /** Everybody knows those whom they will write to before anything befalls them. */
  async #introduce(): Promise<void> {
    for (const [i, person] of this.people.entries()) {
      for (let step = 1; step <= CIRCLE; step++) this.write(person, this.people[(i + step) % this.people.length]!)
      await this.until('most introductions were displayed', () => this.#sent - this.#displayed < GROUP * CIRCLE)
    }
    await this.until('all introductions were displayed', () => this.#displayed >= this.#sent)
  }

  get #isLarge(): boolean {
    return this.people.length > 4 * CIRCLE
  }

  async #register(block: number, i: number, { url, sms, seed, target, patience }: CrowdOptions): Promise<Person> {
    const user = block + i
    const person: Person = await Person.register(
      url,
      sms,
      {
        user,
        random: seededRandom(seed + i),
        patience: patience ?? PATIENCE,
        target: target ?? { host: '127.0.0.1', port: Number(new URL(url).port) },
      },
      {
        shown: (message) => this.#shown(person, message),
        moved: (message) => this.#moved(person, message),
        refused: ({ code, message, temporary }) => {
          if (temporary) this.#refusedForNow++
          else this.#complain(`${user} was refused: ${code} ${message}`)
        },
        connection: (online) => {
          if (online) this.#sessions++
          this.#observer?.connection(person, online)
        },
        connecting: () => this.#watch.connecting(person.device),
        caughtUp: () => this.#watch.caughtUp(person.device),
        stopped: ({ cause, code, reason }) => {
          this.checker.stopped(person.device)
          this.#complain(`stopped for good: ${person.device}, ${cause}: ${code} ${reason}`)
        },
        failed: (reason) => this.#complain(`${user}: ${reason}`),
      },
    )
    return person
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
    this.#watch.sent(id, from.device, to.device)
    this.#observer?.sent(id, from, to)
    this.#sent++
    this.#stalls.sent(performance.now())
  }

  /** Goes on until {@link rest}. */
  load(options: LoadOptions): void {
    let last = performance.now()
    let due = 0
    const timer = setInterval(() => {
      const now = performance.now()
      due += (Math.min(now - last, LATEST_TICK_MS) / 1_000) * options.perSecond
      last = now
      for (; due >= 1; due--) this.#writeOne(options)
    }, TICK_MS)
    this.#stopLoad = () => clearInterval(timer)
  }

  /** Resolves when so many more messages were written, whether or not they arrive. */
  async moreSent(count: number): Promise<void> {
    const until = this.#sent + count
    await this.until(`${count} more messages were written`, () => this.#sent >= until)
  }

  /** Resolves when so many more messages have their ✓. */
  async moreAccepted(count: number): Promise<void> {
    const until = this.tally().accepted + count
    await this.until(`${count} more messages were accepted`, () => this.tally().accepted >= until)
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

  /** Somebody leaves, for so many messages; nothing when it is away already. */
  sendAway(person: Person, messages: number): void {
    if (person.isAway) return
    this.#returns.push({ at: this.#sent + messages, person })
    this.#observer?.moved(person, true)
    this.#do(person.leave(this.random() < 0.5 ? 'disconnected' : 'closed'))
  }

  async allOnline(): Promise<void> {
    await this.until('everybody is online', () => this.people.every(({ isOnline }) => isOnline))
  }

  /** Ends the load, brings everybody back, and waits until every message is accepted, displayed and read. */
  async rest(): Promise<void> {
    this.#stopLoad()
    this.#returns.length = 0
    await Promise.all(this.people.map((person) => this.#arrive(person)))
    await this.until(
      'everything is accepted, displayed and read',
      () => this.#displayed >= this.#sent && this.#allRead(),
    )
  }

  /** A failure says what each session had in flight. */
  async until(description: string, condition: () => boolean | Promise<boolean>): Promise<void> {
    try {
      await waitUntil(description, condition, this.#restMs)
    } catch (error) {
      throw new Error(`${(error as Error).message}\n${this.#describe()}`, { cause: error })
    }
  }

  findings(): Findings {
    return this.checker.findings((user) => [`${user}.1`])
  }

  /** What was found wrong, each message by its name; nothing when all is well. */
  nameFindings(): readonly string[] {
    return Object.entries(this.findings()).flatMap(([kind, ids]) =>
      (ids as readonly string[]).map((id) => `${kind}: ${this.checker.describe(id)}`),
    )
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

  #writeOne({
    absences = false,
    longestAbsence,
    writers = this.people,
    readers = this.people,
    words,
  }: LoadOptions): void {
    if (absences) this.#move(longestAbsence ?? LONGEST_ABSENCE)
    const able = writers.filter((person) => person.canWrite)
    const from = able[Math.floor(this.random() * able.length)]
    const others = from === undefined ? [] : this.#circleOf(from, readers)
    const to = others[Math.floor(this.random() * others.length)]
    if (from !== undefined && to !== undefined) this.write(from, to, words)
  }

  #circleOf(from: Person, readers: readonly Person[]): readonly Person[] {
    const others = readers.filter((person) => person !== from)
    if (!this.#isLarge) return others
    const count = this.people.length
    const place = this.people.indexOf(from)
    const circle = others.filter((person) => {
      const distance = Math.abs(this.people.indexOf(person) - place)
      return Math.min(distance, count - distance) <= CIRCLE
    })
    return circle.length > 0 ? circle : others
  }

  /** Somebody may leave or come back. */
  #move(longestAbsence: number): void {
    for (const back of this.#returns.filter(({ at }) => at <= this.#sent)) {
      this.#returns.splice(this.#returns.indexOf(back), 1)
      this.#do(this.#arrive(back.person))
    }
    if (this.random() >= 1 / LEAVE_EVERY) return
    const person = this.people[Math.floor(this.random() * this.people.length)]
    const away = this.people.filter(({ isAway }) => isAway).length
    if (person === undefined || away > this.people.length / 2) return
    this.sendAway(person, Math.ceil(this.random() * longestAbsence))
  }

  #arrive(person: Person): Promise<void> {
    this.#observer?.moved(person, false)
    return person.arrive()
  }

  #do(work: Promise<void>): void {
    work.catch((error: unknown) => this.#complain(String(error)))
  }

  #shown(person: Person, { chat, device, id, body }: IncomingMessage): void {
    this.#displayed++
    this.#observer?.displayed(id, person)
    this.#stalls.displayed(performance.now())
    const text = 'text' in body ? body.text : `[${body.type}]`
    const from = `${chat}.${device}`
    this.checker.shown(person.device, { id, from, text })
    // Everybody marks what it sees.
    this.checker.seen({ id, from })
    this.#watch.shown(id, from, person.device)
  }

  #moved(person: Person, { id, chat, status, error }: OutgoingMessage): void {
    if (status === 'failed' || status === 'expired')
      this.#complain(`${status}: ${this.checker.describe(id)} ${error ?? ''}`)
    else if (status !== 'waiting') {
      this.checker.receipt(person.device, id, status)
      this.#watch.accepted(id, person.device, `${chat}.1`)
      this.#observer?.accepted(id, person)
    }
  }

  #complain(complaint: string): void {
    this.complaints.push(complaint)
    this.#onComplaint?.(complaint)
  }

  #describe(): string {
    const lost = this.findings()
    const counts = Object.entries(lost).map(([name, ids]) => `${name} ${(ids as readonly string[]).length}`)
    const states = this.people.map((person) => `${person.device} ${JSON.stringify(person.state)}`)
    return [JSON.stringify(this.tally()), counts.join(', '), ...states, ...this.complaints].join('\n')
  }
}
