import { insertAccounts } from './accounts.ts'
import { Crowds } from './crowds.ts'
import type { DeviceCrowd } from './device-crowd.ts'
import type { ServerCpu, ServerMemory, ServerUnderTest } from './server-under-test.ts'
import { settledMemory } from './settle.ts'

/** Devices that are connected, and what they took. */
export interface CrowdUnderTest extends AsyncDisposable {
  readonly crowds: Crowds<DeviceCrowd>
  readonly connectSeconds: number
  /** CPU while they connected. */
  readonly cpuBefore: ServerCpu
  readonly cpuAfter: ServerCpu
  readonly before: ServerMemory
  readonly with: ServerMemory
}

const PROGRAM = new URL('device-crowd.ts', import.meta.url)
/** Clients of a process, which may open 20,000 files. */
const CROWD_SIZE = 9_000
/**
 * These come and go first, with so many frames at a time that V8's young generation takes its full size: a node in
 * service has that anyhow, and it does not grow with the devices.
 */
const WARM_UP_DEVICES_A_NODE = 200
const WARM_UP_MESSAGES = 30

/** Connects so many devices, spread evenly over the nodes, and takes the server's memory when it is steady. */
export async function connectCrowd(
  server: ServerUnderTest,
  devices: number,
  progress: (text: string) => void,
): Promise<CrowdUnderTest> {
  await using stack = new AsyncDisposableStack()
  const accounts = await insertAccounts(server, devices)
  const crowds = stack.use(await Crowds.start<DeviceCrowd>(PROGRAM, accounts, CROWD_SIZE))
  const urls = server.nodes.map(({ socketUrl }) => socketUrl)
  const connect = (count: number): Promise<unknown> =>
    crowds.each((remote, options) => remote.connect({ urls, ...options }), count)
  progress('warming up')
  await connect(Math.min(WARM_UP_DEVICES_A_NODE * server.nodes.length, devices))
  await crowds.each((remote) => remote.ping(WARM_UP_MESSAGES))
  await crowds.each((remote) => remote.leave(undefined))
  const before = await settledMemory(server)

  progress(`connecting ${devices} devices`)
  const cpuBefore = server.cpu
  const startedAt = performance.now()
  await connect(devices)
  const connectSeconds = (performance.now() - startedAt) / 1_000
  const cpuAfter = server.cpu
  progress('waiting until the memory is steady')
  const settled = await settledMemory(server)
  await requireOpen(crowds, devices)
  const undo = stack.move()
  return {
    crowds,
    connectSeconds,
    cpuBefore,
    cpuAfter,
    before,
    with: settled,
    [Symbol.asyncDispose]: () => undo.disposeAsync(),
  }
}

/** @throws Error when a session was closed */
export async function requireOpen(crowds: Crowds<DeviceCrowd>, devices: number): Promise<void> {
  const open = await crowds.each((remote) => remote.open(undefined))
  const left = open.reduce((sum, count) => sum + count, 0)
  if (left !== devices) throw new Error(`Only ${left} of ${devices} sessions stayed open`)
}
