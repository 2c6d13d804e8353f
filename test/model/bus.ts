import type { Batch, Outcome } from '../../src/actors/batch.ts'
import type { Actor } from './actor.ts'
import type { Node } from './node.ts'
import type { World } from './world.ts'

/** What a node writes to the bus server. */
export type ToBus =
  | { readonly type: 'subscribe'; readonly actor: Actor }
  | { readonly type: 'unsubscribe'; readonly actor: Actor }
  /** Comes back when all that was written before is in force. */
  | { readonly type: 'ping'; readonly actor: Actor }
  | {
      readonly type: 'request'
      readonly from: Node
      readonly id: number
      readonly device: number
      readonly batch: Pick<Batch, 'envelopes' | 'incarnation'>
      /** The node that is asked; else whoever subscribes to the mailbox. */
      readonly node: Node | undefined
    }
  | { readonly type: 'takeOver'; readonly from: Node; readonly id: number; readonly by: Actor }
  | { readonly type: 'wake'; readonly device: number }
  | { readonly type: 'reply'; readonly to: Node; readonly reply: Reply }

export type Reply =
  | {
      readonly type: 'answer'
      readonly id: number
      readonly index: number
      readonly outcome: Outcome
      readonly incarnation: string
      readonly from: number
    }
  /** The node that was asked does not hold the mailbox. */
  | { readonly type: 'nobody'; readonly id: number }
  | { readonly type: 'noResponders'; readonly id: number }
  | { readonly type: 'takeOver'; readonly id: number; readonly superseded: boolean }

/** What the bus server writes to a node. */
export type FromBus =
  | { readonly type: 'pong'; readonly actor: Actor }
  | { readonly type: 'wake'; readonly actor: Actor }
  | { readonly type: 'request'; readonly actor: Actor | undefined; readonly request: ToBus & { type: 'request' } }
  | { readonly type: 'takeOver'; readonly actor: Actor; readonly request: ToBus & { type: 'takeOver' } }
  | Reply

/** The bus server: who subscribes to which mailbox. Each node's link is two queues, which a cut empties. */
export class Bus {
  readonly #world: World
  readonly #subscribers: Set<Actor>[]

  constructor(world: World, devices: number) {
    this.#world = world
    this.#subscribers = Array.from({ length: devices }, () => new Set<Actor>())
  }

  /** Takes the next that a node wrote. */
  read(node: Node): void {
    const message = node.toBus.shift()
    if (message === undefined) return
    switch (message.type) {
      case 'subscribe':
        this.#subscribers[message.actor.device]!.add(message.actor)
        break
      case 'unsubscribe':
        this.#subscribers[message.actor.device]!.delete(message.actor)
        break
      case 'ping':
        node.fromBus.push({ type: 'pong', actor: message.actor })
        break
      case 'wake':
        for (const actor of this.#subscribers[message.device]!) actor.node.fromBus.push({ type: 'wake', actor })
        break
      case 'reply':
        if (message.to.joined) message.to.fromBus.push(message.reply)
        break
      case 'takeOver':
        this.#takeOver(node, message)
        break
      case 'request':
        this.#request(node, message)
        break
    }
  }

  /** A node's link is gone, and its subscriptions with it. */
  cut(node: Node): void {
    for (const actors of this.#subscribers) for (const actor of actors) if (actor.node === node) actors.delete(actor)
  }

  #takeOver(node: Node, request: ToBus & { type: 'takeOver' }): void {
    const others = [...this.#subscribers[request.by.device]!].filter((actor) => actor !== request.by)
    if (others.length === 0) node.fromBus.push({ type: 'noResponders', id: request.id })
    for (const actor of others) actor.node.fromBus.push({ type: 'takeOver', actor, request })
  }

  #request(node: Node, request: ToBus & { type: 'request' }): void {
    if (request.node !== undefined) {
      if (request.node.joined) request.node.fromBus.push({ type: 'request', actor: undefined, request })
      else node.fromBus.push({ type: 'noResponders', id: request.id })
      return
    }
    const actors = this.#subscribers[request.device]!
    if (actors.size === 0) node.fromBus.push({ type: 'noResponders', id: request.id })
    if (actors.size > 1) this.#world.count.twoActors++
    for (const actor of actors) actor.node.fromBus.push({ type: 'request', actor, request })
  }
}
