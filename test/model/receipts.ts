import type { InFlight } from '../../src/actors/in-flight.ts'
import type { FinalOutcome, Route, RouteListener } from '../../src/actors/route.ts'
import type { Actor } from './actor.ts'
import { SENDER, addressOf, makeReceipt } from './devices.ts'
import type { World } from './world.ts'

/** Tells the sender what became of envelopes; what finds no room is tried again, as long as the actor is there. */
export function sendReceipts(actor: Actor, world: World, items: readonly InFlight[]): void {
  for (const expired of [false, true]) {
    const some = items.filter(({ seq }) => (seq === 0) === expired)
    if (some.length > 0) sendReceipt(actor, world, some, expired)
  }
}

function sendReceipt(actor: Actor, world: World, items: readonly InFlight[], expired: boolean): void {
  const { node } = actor
  const about = items.map(({ envelope }) => envelope.id)
  const id = node.stamp(0n)
  // Told later.
  if (id === undefined) return void actor.finished.push(...items)
  const envelope = makeReceipt(id, actor.device, about, expired)
  if (expired) world.count.expired++
  node.route(new world.cores.Route(addressOf(SENDER), [envelope], undefined, new Listener(actor, items), node))
}

class Listener implements RouteListener {
  readonly #actor: Actor
  readonly #items: readonly InFlight[]

  constructor(actor: Actor, items: readonly InFlight[]) {
    this.#actor = actor
    this.#items = items
  }

  answered(_route: Route, _index: number, outcome: FinalOutcome): void {
    if (outcome !== 'refused') for (const item of this.#items) this.#actor.state.receiptAccepted(item)
    else if (!this.#actor.closed) this.#actor.finished.push(...this.#items)
  }
}
