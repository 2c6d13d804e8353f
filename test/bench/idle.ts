import { insertAccounts } from './accounts.ts'
import { IDLE_DEVICE_BYTES } from './budgets.ts'
import type { DeviceCrowd } from './device-crowd.ts'
import { Program } from './rpc.ts'
import type { ServerUnderTest } from './server-under-test.ts'
import { settledRss } from './settle.ts'

export interface IdleResult {
  readonly devices: number
  /** Of the node, before and with the devices. */
  readonly rssBefore: number
  readonly rssWith: number
  readonly bytesPerDevice: number
  readonly budgetBytes: number
  readonly connectSeconds: number
}

const CROWD = new URL('device-crowd.ts', import.meta.url)
/** Clients of a process, which may open 20,000 files. */
const CROWD_SIZE = 9_000
/**
 * These come and go first, with so many frames at a time that V8's young generation takes its full size: a node in
 * service has that anyhow, and it does not grow with the devices.
 */
const WARM_UP_DEVICES = 200
const WARM_UP_MESSAGES = 10

/** The memory that devices take which are connected and authenticated, and do nothing. */
export async function measureIdle(
  server: ServerUnderTest,
  devices: number,
  progress: (text: string) => void,
): Promise<IdleResult> {
  const accounts = await insertAccounts(server, devices)
  await using stack = new AsyncDisposableStack()
  const crowds: Program<DeviceCrowd>[] = []
  for (let from = 0; from < devices; from += CROWD_SIZE) {
    crowds.push(stack.use(await Program.start<DeviceCrowd>(CROWD)))
  }
  const connect = (count: number): Promise<unknown> =>
    Promise.all(
      crowds.map(({ remote }, i) =>
        remote.connect({
          url: server.url.replace('http', 'ws'),
          accounts: accounts.slice(i * CROWD_SIZE, Math.min((i + 1) * CROWD_SIZE, count)),
          localAddress: `127.0.0.${i + 2}`,
        }),
      ),
    )
  progress('warming up')
  await connect(Math.min(WARM_UP_DEVICES, devices))
  await Promise.all(crowds.map(({ remote }) => remote.ping(WARM_UP_MESSAGES)))
  await Promise.all(crowds.map(({ remote }) => remote.leave(undefined)))
  const rssBefore = await settledRss(server)

  progress(`connecting ${devices} devices`)
  const startedAt = performance.now()
  await connect(devices)
  const connectSeconds = (performance.now() - startedAt) / 1_000
  progress('waiting until the memory of the node is steady')
  const rssWith = await settledRss(server)
  const open = await Promise.all(crowds.map(({ remote }) => remote.open(undefined)))
  const left = open.reduce((sum, count) => sum + count, 0)
  if (left !== devices) throw new Error(`Only ${left} of ${devices} sessions stayed open`)
  return {
    devices,
    rssBefore,
    rssWith,
    bytesPerDevice: (rssWith - rssBefore) / devices,
    budgetBytes: IDLE_DEVICE_BYTES,
    connectSeconds,
  }
}
