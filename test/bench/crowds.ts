import { randomInt } from 'node:crypto'
import type { Account } from './accounts.ts'
import { Program } from './rpc.ts'
import type { Remote } from './rpc.ts'

/** Where the devices of a crowd connect to, and from. */
export interface CrowdOptions {
  /** `ws://…` of the nodes: the devices take them in turn. */
  readonly urls: readonly string[]
  readonly accounts: readonly Account[]
  /** Of the clients. */
  readonly localAddress: string
}

/**
 * A network of 256 loopback addresses that nobody else uses. An address has 28,000 ports, each of which is out of use for
 * a minute after its connection; when few are left, a new connection takes long.
 */
export function randomNetwork(): string {
  return `127.${randomInt(1, 255)}.${randomInt(0, 256)}`
}

/** One program for so many accounts each, since a process may open only 20,000 files. */
export class Crowds<Crowd extends object> {
  readonly #programs: readonly Program<Crowd>[]
  readonly #accounts: readonly Account[]
  readonly #size: number
  readonly #network = randomNetwork()

  private constructor(programs: readonly Program<Crowd>[], accounts: readonly Account[], size: number) {
    this.#programs = programs
    this.#accounts = accounts
    this.#size = size
  }

  static async start<Crowd extends object>(
    program: URL,
    accounts: readonly Account[],
    size: number,
  ): Promise<Crowds<Crowd>> {
    const count = Math.ceil(accounts.length / size)
    const programs = await Promise.all(Array.from({ length: count }, () => Program.start<Crowd>(program)))
    return new Crowds(programs, accounts, size)
  }

  /** Calls each of them, with its share of the first `count` accounts. */
  each<Result>(
    call: (remote: Remote<Crowd>, options: Omit<CrowdOptions, 'urls'>) => Promise<Result>,
    count = this.#accounts.length,
  ): Promise<Result[]> {
    return Promise.all(
      this.#programs.map(({ remote }, i) => {
        const accounts = this.#accounts.slice(i * this.#size, Math.min((i + 1) * this.#size, count))
        return call(remote, { accounts, localAddress: `${this.#network}.${i + 1}` })
      }),
    )
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#programs.map((program) => program[Symbol.asyncDispose]()))
  }
}
