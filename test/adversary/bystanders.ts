import { createAccounts } from '../helpers/raw-accounts.ts'
import { waitUntil } from '../helpers/wait-until.ts'
import type { Arena } from './arena.ts'
import { Bystander } from './bystander.ts'

export interface BystandersResult {
  readonly acceptedMs: readonly number[]
  readonly sent: number
  /** With ✓, and not with whom they are for. */
  readonly lost: number
  /** Never answered. */
  readonly unanswered: number
  readonly cutOffs: number
  readonly putOff: number
}

/** Two who are online before an attack, one who comes during it, and one who was away and comes back. */
export class Bystanders {
  readonly #ann: Bystander
  readonly #ben: Bystander
  readonly #newcomer: Bystander
  readonly #absent: Bystander

  private constructor([ann, ben, newcomer, absent]: readonly Bystander[]) {
    this.#ann = ann!
    this.#ben = ben!
    this.#newcomer = newcomer!
    this.#absent = absent!
  }

  /** Resolves when the first two talk. */
  static async gather(arena: Arena): Promise<Bystanders> {
    const accounts = await createAccounts(arena.databaseUrl, 4)
    const all = new Bystanders(accounts.map((account, i) => new Bystander(arena.url, account, `127.8.0.${i + 1}`)))
    const first = [all.#ann, all.#ben]
    for (const one of first) one.arrive()
    await waitUntil('those who stand by are online', () => first.every((one) => one.isOnline))
    all.#ann.talkTo(all.#ben.account.user, all.#absent.account.user, all.#newcomer.account.user)
    all.#ben.talkTo(all.#ann.account.user)
    await waitUntil('they are answered', () => first.every(({ accepted }) => accepted.size > 0))
    return all
  }

  /** Somebody comes who was not online before. */
  newcomer(): void {
    this.#newcomer.arrive()
    this.#newcomer.talkTo(this.#ann.account.user, this.#ben.account.user)
  }

  /** Somebody comes back who was away. */
  comeBack(): void {
    this.#absent.arrive()
  }

  /** Lets everything come to rest, or the time be over. */
  async finish(patienceMs: number): Promise<BystandersResult> {
    for (const one of this.#all) one.fallSilent()
    const atRest = () => this.#all.every(({ waiting }) => waiting === 0) && this.#lost().length === 0
    await waitUntil('everything is answered and delivered', atRest, patienceMs).catch(() => undefined)
    const result = {
      acceptedMs: this.#all.flatMap(({ acceptedMs }) => acceptedMs),
      sent: this.#sum(({ waiting, accepted }) => waiting + accepted.size),
      lost: this.#lost().length,
      unanswered: this.#sum(({ waiting }) => waiting),
      cutOffs: this.#sum(({ cutOffs }) => cutOffs),
      putOff: this.#sum(({ putOff }) => putOff),
    }
    for (const one of this.#all) one.leave()
    return result
  }

  get #all(): readonly Bystander[] {
    return [this.#ann, this.#ben, this.#newcomer, this.#absent]
  }

  #sum(of: (one: Bystander) => number): number {
    return this.#all.reduce((sum, one) => sum + of(one), 0)
  }

  #lost(): string[] {
    const got = new Map(this.#all.map((one) => [one.account.user, one.got]))
    return this.#all.flatMap(({ accepted }) =>
      [...accepted].filter(([id, to]) => !got.get(to)!.has(id)).map(([id]) => id),
    )
  }
}
