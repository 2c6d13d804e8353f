import { ALL_REPAIRS, NO_FAULTS, roomFor } from './config.ts'
import type { Repairs } from './config.ts'
import type { Edit } from './mutants.ts'
import { Op } from './events.ts'
import type { WalkKind } from './walk.ts'

/** One repair switched off: in the cores by edits, in the world by a flag. */
export interface Flaw {
  readonly name: string
  readonly edits?: readonly Edit[]
  readonly without?: keyof Repairs
  /** The kind of walks in which it shows. */
  readonly kind?: WalkKind
  /** A walk that found it: `npm test` tries that one first. */
  readonly foundBy?: number
}

const MAILBOX = 'src/actors/mailbox-state.ts'
const CHAIN = 'src/actors/chain.ts'
const CONVERSATION = 'src/actors/conversation.ts'
const ROUTE = 'src/actors/route.ts'
const SENDING = 'src/actors/sending.ts'
const LANE = 'src/storage/append-lane.ts'
const BUFFER = 'src/storage/journal-buffer.ts'

const STAMPS = 'src/storage/message-stamps.ts'
const EXPIRY = 'src/actors/expiry.ts'
const GUARD = 'src/actors/expiry-guard.ts'

const UNPOLLED: Repairs = { ...ALL_REPAIRS, poll: false }
const FEW = { recipients: 1, messages: 2, silentSteps: 0, expiry: false } as const

/** Only wakes bring late rows to light. */
const NO_POLL: WalkKind = {
  config: {
    staleRows: true,
    repairs: UNPOLLED,
    room: undefined,
    budgets: { ...NO_FAULTS, move: 1, timeout: 3, freeze: 1 },
  },
}

/** Requests are given up, and nothing else goes wrong. */
const TIMEOUTS: WalkKind = { config: { ...FEW, budgets: { ...NO_FAULTS, timeout: 3 } } }

const TIMEOUTS_NO_POLL: WalkKind = {
  config: { ...TIMEOUTS.config, nodes: 2, staleRows: true, repairs: UNPOLLED, room: undefined },
  slow: [{ op: Op.FLUSH, x: 1 }],
}

/** Nodes die while PostgreSQL is slow. */
const CRASHES: WalkKind = { config: { ...FEW, budgets: { ...NO_FAULTS, crash: 2 } }, slow: [{ op: Op.COMMIT }] }

/** The journal refuses now and then, and recipients go away before they have read everything. */
const REFUSALS: WalkKind = {
  config: { ...FEW, nodes: 2, windowEnvelopes: 3, budgets: { ...NO_FAULTS, refuse: 4, move: 2 } },
  slow: [{ op: Op.CLIENT_READS, x: 1 }],
}

/** The sender moves on, while the bus lags and the reads of the recipient take long. */
const MOVES: WalkKind = {
  config: {
    ...FEW,
    messages: 5,
    nodes: 2,
    windowEnvelopes: 3,
    localWakes: true,
    silentSteps: 100,
    budgets: { ...NO_FAULTS, cut: 1, timeout: 2, others: 6, moveSender: 2 },
  },
  calm: true,
  slow: [{ op: Op.BUS }, { op: Op.ROWS, x: 1 }],
}

/** Mailboxes of two devices are small, and their devices come and go. */
const FULL: WalkKind = {
  config: {
    recipients: 2,
    messages: 5,
    silentSteps: 0,
    expiry: false,
    room: roomFor(2, 1),
    budgets: { ...NO_FAULTS, move: 4, others: 4 },
  },
  slow: [{ op: Op.SERVER_READS }, { op: Op.ACKNOWLEDGE, x: 1 }],
}

/** The sender moves between nodes whose clocks differ. */
const SKEWED: WalkKind = {
  config: { ...FEW, messages: 4, skew: [40, 0, -40], budgets: { ...NO_FAULTS, move: 1, moveSender: 3 } },
}

/** The clocks of the database and of nodes are set, while recipients come and go. */
const STEPS: WalkKind = {
  config: {
    ...FEW,
    messages: 4,
    nodes: 2,
    skew: [0, 0, 0],
    budgets: { ...NO_FAULTS, move: 2, moveSender: 1, stepSystem: 2, stepDatabase: 3 },
  },
  slow: [{ op: Op.CLIENT_READS, x: 1 }],
}

export const FLAWS: readonly Flaw[] = [
  { name: 'R1: connections are not numbered', without: 'numbers' },
  {
    name: 'R2: batches of a chain are under way together',
    edits: [
      { file: CHAIN, from: 'if (this.#underWay !== undefined || this.#waiting', to: 'if (this.#waiting' },
      {
        file: CHAIN,
        from: 'this.#effects.route(new Route(',
        to: 'const all = (this.sent ??= new Map()); const put = (r) => (all.set(r, items), r); this.#effects.route(put(new Route(',
      },
      {
        file: CHAIN,
        from: 'this.#incarnation, this, this.#effects))',
        to: 'this.#incarnation, this, this.#effects)))',
      },
      { file: CHAIN, from: 'const items = this.#underWay\n', to: 'const items = this.sent.get(route)\n' },
    ],
  },
  {
    name: 'R3: a mailbox does not read its rows for a new chain',
    foundBy: 107,
    edits: [
      {
        file: MAILBOX,
        from: 'const known = batch.incarnation === undefined || batch',
        to: 'const known = true || batch',
      },
    ],
  },
  {
    name: 'R3: a read that had begun before a batch came is good enough for it',
    foundBy: 544,
    edits: [{ file: MAILBOX, from: 'ripe: false', to: 'ripe: true' }],
    kind: MOVES,
  },
  {
    name: 'R4: a mailbox goes live while its own appends are under way',
    foundBy: 118,
    edits: [{ file: MAILBOX, from: 'all && this.#owed === 0', to: 'all' }],
  },
  {
    name: 'R4: a read need not begin after a wake',
    foundBy: 181,
    edits: [{ file: MAILBOX, from: 'if (this.#reading) this.#readAgain = true', to: 'if (this.#reading) return' }],
  },
  {
    name: 'R5: a session takes sends after a refused one',
    edits: [{ file: CONVERSATION, from: 'return !this.#refusing\n', to: 'return true\n' }],
  },
  {
    name: 'R5: what waits behind a refused send goes on',
    edits: [
      { file: CONVERSATION, from: 'return this.#chains.flatMap((chain) => chain.takeWaiting())', to: 'return []' },
    ],
  },
  {
    name: 'R5: a live mailbox appends what follows a refused item of a batch',
    foundBy: 264,
    edits: [{ file: MAILBOX, from: 'if (refused === undefined) item.append', to: 'item.append' }],
    kind: REFUSALS,
  },
  {
    name: 'R5: a mailbox that is behind appends what follows a refused item of a batch',
    foundBy: 242,
    edits: [{ file: MAILBOX, from: 'refused ??= this.#appendOnly', to: 'refused = this.#appendOnly' }],
  },
  {
    name: 'R5: the sender appends what follows a refused item of a batch',
    edits: [{ file: ROUTE, from: 'this.#refused ?? this.#effects', to: 'this.#effects' }],
  },
  {
    name: 'R5: what waits for a full device goes before it is known whether its copy will come again',
    foundBy: 205,
    edits: [{ file: CHAIN, from: ' || this.#holds > 0) return', to: ') return' }],
    kind: FULL,
  },
  {
    name: 'a copy for a full device expires without a word',
    edits: [{ file: SENDING, from: 'return this.#effects.expire(this)', to: 'return this.#end()' }],
    kind: FULL,
  },
  { name: 'R6: stamps do not respect what the device has seen accepted', without: 'floor', kind: SKEWED },
  {
    name: 'after a step of the clock a device that has seen later stamps gets earlier ones',
    edits: [{ file: STAMPS, from: 'this.#former.find((one) => one.reaches(floorMs, 0))', to: 'undefined' }],
    kind: STEPS,
  },
  {
    name: 'a node forgets that its clock was ahead, since it stamped nothing then',
    edits: [{ file: STAMPS, from: 'this.#newest.see(was)', to: 'void was' }],
    kind: STEPS,
  },
  {
    name: 'what the clock of the database says is over is ended at once',
    edits: [{ file: EXPIRY, from: 'this.#gate.open ? ', to: 'this.#gate ? ' }],
    kind: STEPS,
  },
  {
    name: 'a step of the clock is forgotten when the clocks agree again',
    foundBy: 1378,
    edits: [{ file: GUARD, from: 'this.#steppedAt = this.#monotonic.now()', to: 'this.#steppedAt = undefined' }],
    kind: STEPS,
  },
  {
    name: 'R6: the client listens to a socket that it has left',
    foundBy: 357,
    without: 'deafToOldSockets',
    kind: SKEWED,
  },
  {
    name: 'R7: an acknowledgement during the insert is answered as accepted',
    edits: [
      {
        file: MAILBOX,
        from: "item.answer('delivered', this.incarnation)",
        to: "item.answer(neverStored ? 'delivered' : 'accepted', this.incarnation)",
      },
    ],
    kind: CRASHES,
  },
  {
    name: 'R7: a row goes without a receipt when its answer said delivered',
    edits: [
      {
        file: MAILBOX,
        from: "if (item.acknowledged && this.phase !== 'closed') this.#finish(item)",
        to: "if (item.acknowledged && this.phase !== 'closed') this.#effects.remove(item)",
      },
    ],
    kind: TIMEOUTS,
  },
  {
    name: 'R7: an insert that is being written can be struck out',
    edits: [
      {
        file: BUFFER,
        from: "if (append.state !== 'buffered') return false",
        to: "if (append.state === 'done') return false",
      },
    ],
  },
  { name: 'R8: the first read does not wait for the subscription', foundBy: 254, without: 'flush', kind: NO_POLL },
  { name: 'R9: a closing mailbox does not wake its successor', without: 'closingWake', kind: NO_POLL },
  {
    name: 'R10: a row of an envelope in flight is ignored',
    foundBy: 5024,
    edits: [{ file: MAILBOX, from: 'this.#rowSeen(known)', to: 'void known' }],
    kind: TIMEOUTS_NO_POLL,
  },
  { name: 'R11: nobody polls', foundBy: 232, without: 'poll' },
  { name: 'a flush without room is refused, and what waits behind it goes on', foundBy: 876, without: 'refuseWaiting' },
  {
    name: 'a struck insert is written',
    edits: [
      {
        file: LANE,
        from: "if (append.state !== 'buffered') continue\n      if (append.bufferedAt",
        to: "if (append.state === 'flushing') continue\n      if (append.bufferedAt",
      },
    ],
  },
  {
    name: 'a window holds one envelope too many',
    edits: [{ file: MAILBOX, from: 'this.#unacknowledged < this', to: 'this.#unacknowledged <= this' }],
  },
  {
    name: 'a struck insert keeps its bytes',
    edits: [
      {
        file: BUFFER,
        from: "append.state = 'done'\n    this.#bytes -= envelopeBytes(append.envelope)",
        to: "append.state = 'done'",
      },
    ],
  },
  {
    name: 'a barrier does not wait for what is buffered',
    foundBy: 145,
    edits: [
      {
        file: BUFFER,
        from: 'const room = barriers.length > 0 ? { rows: Infinity, bytes: Infinity } : { rows, bytes }',
        to: 'const room = { rows, bytes }',
      },
    ],
    kind: { config: { ...NO_POLL.config, flushRoom: { rows: 1, bytes: 50_000 } } },
  },
]
