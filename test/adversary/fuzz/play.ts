import { setTimeout as delay } from 'node:timers/promises'
import { encodeClientFramesJson } from '../../../proto/codec.ts'
import { MAX_MESSAGE_BYTES } from '../../../proto/limits.ts'
import type { ClientFrame } from '../../../proto/frames.ts'
import type { RawDevice } from '../../helpers/raw-accounts.ts'
import { Random } from '../../model/random.ts'
import type { AttackSession } from '../attack-session.ts'
import { Tally } from '../tally.ts'
import { Target } from '../target.ts'
import { drawFrame } from './draw-frame.ts'
import { drawRequest } from './draw-request.ts'
import type { OpenApi } from './draw-request.ts'
import type { Step } from './step.ts'

export interface Stage {
  readonly url: string
  readonly openApi: OpenApi
  /** Of the players' own addresses. */
  readonly network: string
  /** The primaries of some users; the last ones speak JSON. */
  readonly devices: readonly RawDevice[]
}

export interface Play {
  readonly tally: Tally
  /** Devices that got no answer to a ping at the end, though their connection is there. */
  readonly unanswered: readonly number[]
}

const ANSWER_MS = 20_000
/** As a frame that is repeated. */
const MOST_FRAMES = 4_000
const AT_ONCE = 10

/** Plays a sequence, one step after the other, and waits until all that was asked is answered. */
export async function play(steps: readonly Step[], stage: Stage): Promise<Play> {
  const players = stage.devices.map((device, i) => new Player(stage, device, i, i >= stage.devices.length - 1))
  try {
    for (const step of steps) await players[step.by % players.length]!.act(step)
    const unanswered: number[] = []
    for (const [i, player] of players.entries()) if (!(await player.isAnswered())) unanswered.push(i)
    return { tally: sum(players.map(({ tally }) => tally)), unanswered }
  } finally {
    for (const player of players) player.leave()
  }
}

/** A device with a session, and requests beside it. */
class Player {
  readonly tally = new Tally()
  readonly #stage: Stage
  readonly #device: RawDevice
  readonly #target: Target
  readonly #json: boolean
  readonly #address: string
  #session: AttackSession | undefined
  #deaf = false

  constructor(stage: Stage, device: RawDevice, number: number, json: boolean) {
    this.#stage = stage
    this.#device = device
    this.#json = json
    const mark = { url: stage.url, nodeUrls: [], network: stage.network, accounts: [device], seed: 0 }
    this.#target = new Target(mark, this.tally, () => Promise.reject(new Error('There are no codes here')))
    this.#address = this.#target.address(number + 1)
  }

  async act({ does, seed }: Step): Promise<void> {
    const random = new Random(seed)
    switch (does) {
      case 'frames':
        return this.#send(Array.from({ length: 1 + random.int(8) }, () => drawFrame(random, this.#users)))
      case 'burst': {
        const frame = drawFrame(random, this.#users)
        const fitting = Math.floor((MAX_MESSAGE_BYTES * 0.9) / encodeClientFramesJson([frame]).length)
        return this.#send(Array.from({ length: Math.max(1, Math.min(MOST_FRAMES, fitting)) }, () => frame))
      }
      case 'request':
        return void (await this.#request(random))
      case 'requests':
        return void (await Promise.all(Array.from({ length: AT_ONCE }, () => this.#request(new Random(seed)))))
      case 'reconnect':
        return this.leave()
      case 'deafen': {
        const session = await this.#requireSession()
        this.#deaf = session !== undefined
        return session?.wire.pause()
      }
      default:
        does satisfies never
    }
  }

  /** Whether the session answers, or has been ended with a word. */
  async isAnswered(): Promise<boolean> {
    // One that did not read is not asked.
    const session = this.#session
    if (session === undefined || session.closed || this.#deaf) return true
    const pongs = (): number => this.tally.counts.answers['pong'] ?? 0
    const unread = (): number => this.tally.counts.answers['not read'] ?? 0
    const before = pongs() + unread()
    await session.send({ type: 'ping' })
    const until = performance.now() + ANSWER_MS
    while (pongs() + unread() === before && !session.closed) {
      if (performance.now() > until) return false
      await delay(2)
    }
    return true
  }

  leave(): void {
    this.#session?.close()
    this.#session = undefined
    this.#deaf = false
  }

  get #users(): readonly number[] {
    return this.#stage.devices.map(({ user }) => user)
  }

  async #send(frames: readonly ClientFrame[]): Promise<void> {
    const session = await this.#requireSession()
    if (session === undefined) return
    const written = session.send(...frames)
    // Who does not read is not written to for ever.
    if (this.#deaf) await Promise.race([written, delay(50)])
    else await written
  }

  async #requireSession(): Promise<AttackSession | undefined> {
    if (this.#session !== undefined && !this.#session.closed) return this.#session
    this.#deaf = false
    this.#session = await this.#target.session(this.#device, { json: this.#json, acks: true }, this.#address)
    return this.#session
  }

  async #request(random: Random): Promise<void> {
    const client = await this.#target.http(this.#address)
    const { path, ...request } = drawRequest(random, this.#stage.openApi, {
      users: this.#users,
      token: this.#device.token,
    })
    const answer = await client?.call(path, request)
    client?.wire.destroy()
    if (answer === undefined) this.tally.answer(`unanswered ${request.method} ${path.split('?')[0]}`)
    else if (answer.status === 500) this.tally.answer(`500 ${request.method} ${path.split('?')[0]}`)
  }
}

function sum(tallies: readonly Tally[]): Tally {
  const all = new Tally()
  for (const { counts } of tallies) {
    all.sent(counts.sentBytes)
    all.answered(counts.answeredBytes)
    for (const [name, times] of Object.entries(counts.answers)) all.answer(name, times)
  }
  return all
}
