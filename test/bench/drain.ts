import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import { Client } from 'pg'
import { Kind } from '../../proto/frames.ts'
import type { SendFrame, ServerFrame } from '../../proto/frames.ts'
import type { Account } from './accounts.ts'
import { registerAccounts } from './accounts.ts'
import { DRAIN_BYTES } from './budgets.ts'
import { Device } from './device.ts'
import type { OneNode } from './one-node.ts'
import { makePayload } from './parley-pair.ts'
import { settledMemory } from './settle.ts'
import type { SmsSink } from './sms-sink.ts'

export interface DrainResult {
  readonly envelopes: number
  readonly payloadBytes: number
  /** From the connect to the delivery of the last one. */
  readonly seconds: number
  /** Until no row was left. */
  readonly emptySeconds: number
  /** How far the node's resident memory rose above what it was before, at most. */
  readonly grownBytes: number
  readonly budgetBytes: number
  /** CPU of the server for each envelope. */
  readonly nodeMicros: number
  readonly postgresMicros: number
}

const WATCH_MS = 10
const TIMEOUT_MS = 120_000
/** Sends that wait for their ✓ while the mailbox is filled. */
const FILL_WINDOW = 500
/** Fetched first, from a mailbox of its own, so that the node has done it before. */
const WARM_UP_ENVELOPES = 1_000

/** A mailbox that filled while its device was away is fetched, every WebSocket message acknowledged at once. */
export async function measureDrain(
  server: OneNode,
  sms: SmsSink,
  envelopes: number,
  payloadBytes: number,
  progress: (text: string) => void,
): Promise<DrainResult> {
  const [author, first, second] = await registerAccounts(server, sms, 3)
  progress('warming up')
  await fill(server, author!, first!, WARM_UP_ENVELOPES, payloadBytes)
  await fetchAll(server, first!, WARM_UP_ENVELOPES)
  progress(`filling a mailbox with ${envelopes} envelopes`)
  await fill(server, author!, second!, envelopes, payloadBytes)
  const [rssBefore = 0] = (await settledMemory(server)).nodes
  let highest = rssBefore
  const watch = setInterval(() => {
    highest = Math.max(highest, server.node.rssBytes)
  }, WATCH_MS)
  progress('fetching it')
  const cpu = server.cpu
  const { seconds, emptySeconds } = await fetchAll(server, second!, envelopes)
  clearInterval(watch)
  const { nodes, postgres } = server.cpu
  return {
    envelopes,
    payloadBytes,
    seconds,
    emptySeconds,
    grownBytes: highest - rssBefore,
    budgetBytes: DRAIN_BYTES,
    nodeMicros: ((nodes[0]! - cpu.nodes[0]!) * 1_000) / envelopes,
    postgresMicros: ((postgres - cpu.postgres) * 1_000) / envelopes,
  }
}

/** Sends so many messages to a device that is away. */
async function fill(server: OneNode, from: Account, to: Account, count: number, bytes: number): Promise<void> {
  const payload = makePayload(bytes)
  let sent = 0
  let accepted = 0
  const next = (room: number): SendFrame[] =>
    Array.from({ length: Math.min(room, count - sent) }, (): SendFrame => ({
      type: 'send',
      id: randomUUID(),
      to: to.user,
      kind: Kind.MESSAGE,
      copies: [{ device: 1, registrationId: 0, payload }],
      about: [],
      urgent: true,
      ttl: 0,
      first: sent++ === 0,
    }))
  await converse(server, from, (device, frames, done) => {
    const answered = frames.filter(({ type }) => type === 'accepted').length
    accepted += answered
    if (accepted === count) return done()
    const room = frames.length === 0 ? FILL_WINDOW : answered
    if (room > 0 && sent < count) device.send(next(room))
  })
}

/** Connects a device and acknowledges all that waits for it. */
async function fetchAll(
  server: OneNode,
  account: Account,
  count: number,
): Promise<{ seconds: number; emptySeconds: number }> {
  const startedAt = performance.now()
  const elapsed = (): number => (performance.now() - startedAt) / 1_000
  const ids = new Set<string>()
  let seconds = 0
  await converse(server, account, async (device, frames, done) => {
    let upTo = 0
    for (const frame of frames) {
      if (frame.type !== 'deliver') continue
      if (ids.has(frame.envelope.id)) throw new Error('An envelope came twice')
      ids.add(frame.envelope.id)
      upTo = frame.seq
    }
    if (upTo > 0) device.send([{ type: 'ack', upTo }])
    if (ids.size < count || seconds > 0) return
    seconds = elapsed()
    await waitUntilEmpty(server, account)
    done()
  })
  return { seconds, emptySeconds: elapsed() }
}

async function waitUntilEmpty(server: OneNode, { user }: Account): Promise<void> {
  const client = new Client(server.databaseUrl)
  await client.connect()
  for (;;) {
    const { rowCount } = await client.query('SELECT FROM envelopes WHERE user_id = $1 LIMIT 1', [user])
    if (rowCount === 0) break
    await delay(WATCH_MS)
  }
  await client.end()
}

type Talk = (device: Device, frames: readonly ServerFrame[], done: () => void) => void | Promise<void>

/** Connects a device and lets it talk until it is done; the first call is without frames. */
async function converse({ node }: OneNode, account: Account, talk: Talk): Promise<void> {
  const { promise, resolve, reject } = Promise.withResolvers<void>()
  const timer = setTimeout(() => reject(new Error('A mailbox was not filled or fetched in time')), TIMEOUT_MS)
  let device: Device | undefined
  const early: ServerFrame[] = []
  const hear = async (frames: readonly ServerFrame[]): Promise<void> => {
    if (device === undefined) return void early.push(...frames)
    const error = frames.find(({ type }) => type === 'error')
    if (error?.type === 'error') return reject(new Error(`${error.code}: ${error.message}`))
    try {
      await talk(device, frames, resolve)
    } catch (thrown) {
      reject(thrown as Error)
    }
  }
  device = await Device.connect({
    url: node.socketUrl,
    account,
    onFrames: (frames) => void hear(frames),
    onClosed: (code) => reject(new Error(`A session was closed with ${code}`)),
  })
  try {
    await hear([])
    if (early.length > 0) await hear(early)
    await promise
  } finally {
    clearTimeout(timer)
    device.close()
  }
}
