import { CryptoError } from '../../../../client/crypto/errors.ts'
import type { Recipient } from '../../../../client/crypto/groups/audience.ts'
import { outlives, planDistribution } from '../../../../client/crypto/groups/distribution-plan.ts'
import { requireMember, requireSpeaker } from '../../../../client/crypto/groups/members.ts'
import { beginGroup, changeGroup } from '../../../../client/crypto/groups/new-state.ts'
import type { GroupContents } from '../../../../client/crypto/groups/new-state.ts'
import { openFromGroup, receiveDistribution } from '../../../../client/crypto/groups/received-chain.ts'
import {
  distributionOf,
  moveChain,
  newSenderChain,
  sealForGroup,
} from '../../../../client/crypto/groups/sender-chain.ts'
import {
  acceptAnchor,
  acceptNext,
  requireNamedState,
  requireSameState,
} from '../../../../client/crypto/groups/state-chain.ts'
import type { KnownState } from '../../../../client/crypto/groups/state-chain.ts'
import type { SenderKeyDistribution } from '../../../../client/crypto/wire/sender-key-distribution.ts'
import { decodeSenderKeyMessage } from '../../../../client/crypto/wire/sender-key-message.ts'
import type { SenderKeyState } from '../../../../client/crypto/wire/sender-key-state.ts'
import type { WireAddress } from '../../../../proto/frames.ts'
import { firstDevice, primitives } from './people.ts'
import type { Person } from './people.ts'

/** A message and whom its sender meant it for. */
export interface Sent {
  readonly text: string
  readonly bytes: Uint8Array
  readonly sender: Member
  readonly chainId: number
  readonly audience: ReadonlySet<Member>
}

export type Item =
  | { readonly type: 'message'; readonly to: Member; readonly sent: Sent }
  | { readonly type: 'chain'; readonly to: Member; readonly from: Member; readonly distribution: SenderKeyDistribution }
  | { readonly type: 'state'; readonly to: Member; readonly bytes: Uint8Array }

/** One device of a person, with what its SDK would store for the group. */
export interface Member {
  readonly person: Person
  readonly address: WireAddress
  readonly recipient: Recipient
  /** The states that it followed, by epoch. */
  readonly states: Map<number, KnownState>
  own: SenderKeyState | undefined
  readonly usedIds: Set<number>
  holders: Recipient[]
  received: SenderKeyState[]
  /** Everything it ever held, as a thief or a removed member would keep it. */
  readonly kept: SenderKeyState[]
  readonly opened: Map<string, number>
  readonly evicted: Set<number>
}

/** A group of people with a device each, a server that delivers in any order, and somebody who keeps everything. */
export class GroupWorld {
  readonly members: readonly Member[]
  readonly server: KnownState[] = []
  readonly sent: Sent[] = []
  readonly pending: Item[] = []
  nowMs: number
  #texts = 0

  constructor(people: readonly Person[], nowMs: number) {
    this.nowMs = nowMs
    this.members = people.map(newMember)
  }

  async begin(count: number, contents: Omit<GroupContents, 'members'>): Promise<void> {
    const inside = this.members.slice(0, count)
    const members = inside.map(({ person }, i) => ({
      user: person.user,
      admin: i === 0,
      accountKey: person.account.publicKey,
    }))
    const first = await beginGroup(
      primitives,
      signerOf(this.members[0] as Member),
      { ...contents, members },
      this.nowMs,
    )
    this.server.push(first)
    for (const member of inside) member.states.set(1, first)
  }

  get tip(): KnownState {
    return this.server.at(-1) as KnownState
  }

  isIn(member: Member, { state }: KnownState = this.tip): boolean {
    return state.members.some(({ user }) => user === member.person.user)
  }

  /** A change upon the newest state, which the server gives to all members, old and new. */
  async change(by: Member, members: GroupContents['members']): Promise<void> {
    await this.follow(by, this.tip.state.epoch)
    const before = this.tip
    const next = await changeGroup(primitives, signerOf(by), before, { members }, this.nowMs)
    this.server.push(next)
    advance(by, next)
    for (const to of this.members) {
      if (to === by || !(this.isIn(to, before) || this.isIn(to))) continue
      if (!this.isIn(to, before)) await this.#anchor(to, next)
      else this.pending.push({ type: 'state', to, bytes: next.bytes })
    }
  }

  async send(from: Member): Promise<void> {
    const newest = newestOf(from)
    const { groupId, epoch } = newest.state
    const position = { groupId, epoch, stateHash: newest.hash }
    const audience = this.members.filter((to) => to !== from && this.isIn(to, newest))
    const plan = planDistribution(
      from.own,
      from.holders,
      audience.map(({ recipient }) => recipient),
      this.nowMs,
    )
    if (plan.rotate || from.own === undefined) {
      from.own = newSenderChain(primitives, from.address, position, from.usedIds, this.nowMs)
      from.usedIds.add(from.own.chainId)
      from.holders = []
    }
    from.own = moveChain(from.own, position)
    for (const to of audience) {
      if (!plan.to.includes(to.recipient)) continue
      this.pending.push({ type: 'chain', to, from, distribution: distributionOf(from.own) })
      from.holders.push(to.recipient)
    }
    const text = `text ${this.#texts++}`
    const { chain, message } = await sealForGroup(primitives, from.own, new TextEncoder().encode(text))
    from.own = chain
    const sent = { text, bytes: message, sender: from, chainId: chain.chainId, audience: new Set(audience) }
    this.sent.push(sent)
    for (const to of audience) this.pending.push({ type: 'message', to, sent })
  }

  /** Lets a device have an item. @throws {CryptoError} as it would */
  async deliver(item: Item): Promise<void> {
    if (item.type === 'state') return this.#deliverState(item.to, item.bytes)
    if (item.type === 'chain') return this.#deliverChain(item.to, item.from, item.distribution)
    await this.receive(item.to, item.sent, item.sent.bytes)
  }

  /** As a device treats a message that came from another. @returns what it shows */
  async receive(to: Member, { sender }: Pick<Sent, 'sender'>, bytes: Uint8Array): Promise<string> {
    const { groupEpoch, chainId } = decodeSenderKeyMessage(bytes)
    const named = await this.follow(to, groupEpoch)
    const { user, account } = sender.person
    requireSpeaker({ named: named.state, newest: newestOf(to).state }, user, account.publicKey)
    const chain = to.received.find((one) => one.chainId === chainId && sameDevice(one.sender, sender.address))
    const opened = await openFromGroup(primitives, chain, sender.address, bytes, this.nowMs)
    to.received = to.received.map((one) => (one === chain ? opened.chain : one))
    to.kept.push(opened.chain)
    const text = new TextDecoder().decode(opened.plaintext)
    to.opened.set(text, (to.opened.get(text) ?? 0) + 1)
    return text
  }

  /** The state of an epoch, from the server if the device does not have it yet. */
  async follow(member: Member, epoch: number): Promise<KnownState> {
    for (let next = newestOf(member).state.epoch + 1; next <= epoch; next++) {
      const bytes = this.server[next - 1]?.bytes
      if (bytes === undefined) throw new CryptoError('MALFORMED', 'The server has no such state')
      advance(member, await acceptNext(primitives, newestOf(member), bytes))
    }
    const known = member.states.get(epoch)
    if (known === undefined) throw new CryptoError('NOT_A_MEMBER', 'From before this member came')
    return known
  }

  async #deliverState(to: Member, bytes: Uint8Array): Promise<void> {
    const known = this.server.find((one) => one.bytes === bytes) as KnownState
    const { epoch } = known.state
    const same = to.states.get(epoch)
    if (same !== undefined) await requireSameState(primitives, same, to.states.get(epoch - 1), bytes)
    else if (epoch > newestOf(to).state.epoch) await this.follow(to, epoch)
  }

  async #deliverChain(to: Member, from: Member, distribution: SenderKeyDistribution): Promise<void> {
    const named = await this.follow(to, distribution.groupEpoch)
    requireNamedState(named, distribution.groupStateHash)
    requireMember(named.state, from.person.user, from.person.account.publicKey)
    const chains = to.received.filter((one) => sameDevice(one.sender, from.address))
    const { added, evicted } = receiveDistribution(chains, from.address, distribution, this.nowMs)
    to.received = to.received.filter((one) => !evicted.includes(one))
    for (const one of evicted) to.evicted.add(one.chainId)
    if (added === undefined) return
    to.received.push(added)
    to.kept.push(added)
  }

  async #anchor(to: Member, state: KnownState): Promise<void> {
    const { groupId, epoch } = state.state
    to.states.set(epoch, await acceptAnchor(primitives, { groupId, epoch, stateHash: state.hash }, state.bytes))
    endChain(to)
  }
}

function advance(member: Member, next: KnownState): void {
  member.states.set(next.state.epoch, next)
  if (!outlives(member.holders, next.state)) endChain(member)
}

function endChain(member: Member): void {
  member.own = undefined
  member.holders = []
}

function newMember(person: Person): Member {
  const { address, cert } = firstDevice(person)
  return {
    person,
    address,
    recipient: { address, registrationId: cert.registrationId },
    states: new Map(),
    own: undefined,
    usedIds: new Set(),
    holders: [],
    received: [],
    kept: [],
    opened: new Map(),
    evicted: new Set(),
  }
}

function signerOf({ person }: Member): { certificate: Person['devices'][number]['cert']; signing: Person['account'] } {
  const { cert, signing } = firstDevice(person)
  return { certificate: cert, signing }
}

export function newestOf({ states }: Member): KnownState {
  return states.get(Math.max(...states.keys())) as KnownState
}

function sameDevice(a: WireAddress, b: WireAddress): boolean {
  return a.user === b.user && a.device === b.device
}
