import { z } from 'zod'
import { errorCodes } from '../../proto/error-codes.ts'
import { inquire } from '../actors/presence-inquiry.ts'
import type { UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import { isUnavailable } from '../storage/unavailable.ts'
import type { DeviceReport, UserReport } from '../storage/user-report.ts'
import type { Bus } from '../transport/bus.ts'
import type { ServiceAnswer, ServiceEndpoint } from '../transport/nats-service.ts'
import { subjects } from '../transport/subjects.ts'
import { userSchema } from './fields.ts'
import type { Overload } from './overload.ts'

/** What the handlers need of their node. */
export interface OpsParts {
  readonly node: { readonly id: string; readonly name: string; readonly version: string; readonly url: string }
  readonly bus: Bus
  readonly overload: Overload
  readonly residents: { readonly size: number }
  readonly gateway: { readonly size: number }
  readonly startedAtMs: number
  now(): number
  state(): string
  findUser(user: UserId): Promise<UserReport | undefined>
  /** Begins to drain and then ends, as on SIGTERM. */
  drain(): void
  /** Lets expire what is held. Whether anything was. */
  releaseExpiry(): boolean
}

const MAX_REQUEST_BYTES = 4_096

const noQuestion = z.strictObject({})
const userQuestion = z.strictObject({ user: userSchema })
const drainOrder = z.strictObject({ node: z.string().min(1).max(128) })

/** The endpoints for operators: what they ask over NATS. Nobody's messages are in the answers. */
export function opsEndpoints(parts: OpsParts): readonly ServiceEndpoint[] {
  return [
    {
      name: 'status',
      subject: subjects.status,
      description: 'How every node is. Request: empty',
      heardBy: 'every node',
      handle: (data) => answer(data, noQuestion, () => describeNode(parts)),
    },
    {
      name: 'user',
      subject: subjects.user,
      description: 'What is known of a user. Request: {"user":"15550000001"}',
      heardBy: 'one node',
      handle: (data) => answer(data, userQuestion, ({ user }) => describeUser(parts, user)),
    },
    {
      name: 'drain',
      subject: subjects.drain,
      description: 'Takes the node of that id or name out of service. Request: {"node":"node-1"}',
      heardBy: 'every node',
      handle: (data) =>
        answer(data, drainOrder, ({ node }) => {
          if (node !== parts.node.id && node !== parts.node.name) return undefined
          // The answer leaves first.
          setImmediate(() => parts.drain())
          return { draining: true, node: parts.node.id }
        }),
    },
    {
      name: 'expire',
      subject: subjects.expire,
      description: 'Lets expire what a node holds back, when the clocks are right. Request: empty',
      heardBy: 'every node',
      handle: (data) => answer(data, noQuestion, () => ({ node: parts.node.id, released: parts.releaseExpiry() })),
    },
  ]
}

/** Reads a request, which may be anything, and answers it; `undefined` of the handler is no answer. */
async function answer<Question>(
  data: Uint8Array,
  schema: z.ZodType<Question>,
  handle: (question: Question) => object | undefined | Promise<object | undefined>,
): Promise<ServiceAnswer> {
  const question = schema.safeParse(parseJson(data))
  if (!question.success) {
    const issue = question.error.issues[0]
    const where = issue?.path.join('.') || 'the request'
    return fail('BAD_REQUEST', `${where}: ${issue?.message ?? 'is not as it should be'}`)
  }
  try {
    const body = await handle(question.data)
    return body === undefined ? { type: 'silent' } : { type: 'answer', body }
  } catch (error) {
    if (error instanceof RefusalError) return fail(error.code, error.message)
    if (isUnavailable(error)) return fail('UNAVAILABLE', 'The database is away')
    throw error
  }
}

function fail(code: keyof typeof errorCodes, message: string): ServiceAnswer {
  return { type: 'error', status: errorCodes[code].status, code, message }
}

/** Undefined when it is no JSON. An empty request is an empty object: `nats req parley.status ''`. */
function parseJson(data: Uint8Array): unknown {
  if (data.length === 0) return {}
  if (data.length > MAX_REQUEST_BYTES) return undefined
  try {
    return JSON.parse(new TextDecoder('utf-8', { fatal: true }).decode(data))
  } catch {
    return undefined
  }
}

function describeNode({ node, bus, overload, residents, gateway, ...parts }: OpsParts): object {
  const { state, reason } = { reason: undefined, ...overload.check() }
  return {
    node: node.id,
    name: node.name,
    version: node.version,
    url: node.url,
    uptimeSeconds: Math.round((parts.now() - parts.startedAtMs) / 1_000),
    state: parts.state(),
    connections: gateway.size,
    mailboxes: residents.size,
    journals: overload.backlogs.map(({ ageMs, bytes, away }, shard) => ({ shard: shard + 1, ageMs, bytes, away })),
    overload: { level: overload.level, ...(state === 'ok' ? {} : { reason }) },
    bus: bus.connected ? 'connected' : 'away',
  }
}

async function describeUser(parts: OpsParts, user: UserId): Promise<object> {
  const report = await parts.findUser(user)
  if (report === undefined) return { user: String(user), exists: false }
  const { registeredAtMs, lastSeenMs, devices } = report
  return {
    user: String(user),
    exists: true,
    registeredAt: toTime(registeredAtMs),
    lastSeenAt: lastSeenMs === undefined ? null : toTime(lastSeenMs),
    devices: await Promise.all(devices.map((device) => describeDevice(parts, user, device))),
  }
}

async function describeDevice({ bus }: OpsParts, user: UserId, report: DeviceReport): Promise<object> {
  const { device, name, platform, hosted, registeredAtMs, lastUsedMs, pending } = report
  let connectedTo: string | null = null
  const heard = hosted || (await inquire(bus, user, [device], ({ node }) => (connectedTo = node)))
  return {
    device,
    name,
    platform,
    hosted,
    registeredAt: toTime(registeredAtMs),
    lastUsedAt: toTime(lastUsedMs),
    connectedTo: heard ? connectedTo : 'unknown',
    pending,
  }
}

function toTime(ms: number): string {
  return new Date(ms).toISOString()
}
