import { setTimeout as delay } from 'node:timers/promises'
import { SingleBar } from 'cli-progress'
import { CryptoError } from '../../client/crypto/errors.ts'
import { KeyRotation } from '../../src/api/hosted/key-rotation.ts'
import type { MasterKeys } from '../../src/api/hosted/master-keys.ts'
import type { Address } from '../../src/shared/ids.ts'
import { RefusalError } from '../../src/shared/refusal.ts'
import type { Database } from '../../src/storage/database.ts'
import { HostedRecords } from '../../src/storage/hosted-records.ts'
import { countKeyBoxes, listHostedDevices } from '../../src/storage/key-boxes.ts'
import type { Shards } from '../../src/storage/shards.ts'

/** What a run did. */
export interface RotationReport {
  /** Devices with a new data key. */
  readonly devices: number
  readonly records: number
  readonly damaged: number
  /** Devices whose master key is missing, or whose key box is damaged. */
  readonly locked: number
  /** Devices that could not be reached in time: their data moves, or somebody keeps them busy. */
  readonly skipped: number
}

export interface RotationOptions {
  readonly shards: Shards<Database>
  readonly masterKeys: MasterKeys
  /** Between two attempts at a device that cannot be reached. */
  readonly retryMs?: number
  /** Once it is aborted, no further device is begun. */
  readonly signal?: AbortSignal
}

const PAGE_DEVICES = 500
const PAGE_ROWS = 200
const ATTEMPTS = 10
const RETRY_MS = 1_000

/** Rotates the keys of all hosted devices, with a bar that shows it. */
export async function rotateAll({
  shards,
  masterKeys,
  retryMs = RETRY_MS,
  signal,
}: RotationOptions): Promise<RotationReport> {
  const records = new HostedRecords(shards, 2)
  const options = { dataKeyCacheMs: 60_000, dataKeyCacheItems: 10 }
  const rotation = new KeyRotation({ records, masterKeys, options, pageRows: PAGE_ROWS })
  const bar = new SingleBar({
    format: '{bar} {value}/{total} devices · {records} records',
    barsize: 20,
    hideCursor: true,
    noTTYOutput: true,
    notTTYSchedule: 2_000,
  })
  const report = { devices: 0, records: 0, damaged: 0, locked: 0, skipped: 0 }
  bar.start(await countDevices(shards.all), 0, { records: 0 })
  try {
    for (const [index, database] of shards.all.entries()) {
      for await (const page of devicesOf(database)) {
        const devices = page.filter(({ user }) => shards.homeOf(user) === index)
        for (const address of devices) {
          if (signal?.aborted === true) return report
          await rotateOne(rotation, address, report, retryMs)
          bar.increment(1, { records: report.records })
        }
      }
    }
    return report
  } finally {
    bar.stop()
    await records.close()
  }
}

type Counts = { -readonly [Name in keyof RotationReport]: RotationReport[Name] }

async function rotateOne(rotation: KeyRotation, address: Address, report: Counts, retryMs: number): Promise<void> {
  for (let attempt = 1; ; attempt++) {
    try {
      const rotated = await rotation.rotate(address)
      if (rotated === undefined) return
      report.devices++
      report.records += rotated.records
      report.damaged += rotated.damaged
      return
    } catch (error) {
      const locked = error instanceof CryptoError || (error instanceof RefusalError && error.code === 'HOSTED_LOCKED')
      if (!locked && !(error instanceof RefusalError)) throw error
      if (locked || attempt === ATTEMPTS) {
        report[locked ? 'locked' : 'skipped']++
        return
      }
    }
    await delay(retryMs)
  }
}

/** About: one on which an earlier run broke off counts twice. */
async function countDevices(databases: readonly Database[]): Promise<number> {
  const counts = await Promise.all(databases.map(({ pool }) => countKeyBoxes(pool)))
  return counts.flat().reduce((sum, { boxes }) => sum + boxes, 0)
}

async function* devicesOf({ pool }: Database): AsyncGenerator<readonly Address[]> {
  let after: Address | undefined
  do {
    const page = await listHostedDevices(pool, after, PAGE_DEVICES)
    yield page
    after = page.at(-1)
  } while (after !== undefined)
}
