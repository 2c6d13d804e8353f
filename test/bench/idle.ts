import { CLUSTER_IDLE_DEVICE_BYTES, IDLE_DEVICE_BYTES } from './budgets.ts'
import { connectCrowd } from './crowd-under-test.ts'
import { totalMemory } from './server-under-test.ts'
import type { ServerMemory, ServerUnderTest } from './server-under-test.ts'

export interface IdleResult {
  readonly devices: number
  /** Without the devices and with them. */
  readonly before: ServerMemory
  readonly with: ServerMemory
  readonly bytesPerDevice: number
  readonly budgetBytes: number
  readonly connectSeconds: number
}

/** The memory that devices take which are connected and authenticated, and do nothing. */
export async function measureIdle(
  server: ServerUnderTest,
  devices: number,
  progress: (text: string) => void,
): Promise<IdleResult> {
  await using crowd = await connectCrowd(server, devices, progress)
  const { before, connectSeconds } = crowd
  return {
    devices,
    before,
    with: crowd.with,
    bytesPerDevice: (totalMemory(crowd.with) - totalMemory(before)) / devices,
    budgetBytes: server.nodes.length === 1 ? IDLE_DEVICE_BYTES : CLUSTER_IDLE_DEVICE_BYTES,
    connectSeconds,
  }
}
