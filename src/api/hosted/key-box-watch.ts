import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import { hex } from '../../../client/crypto/bytes.ts'
import type { Database } from '../../storage/database.ts'
import { countKeyBoxes } from '../../storage/key-boxes.ts'
import type { KeyBoxCount } from '../../storage/key-boxes.ts'
import { DatabaseSamples } from '../database-samples.ts'
import type { Health } from '../health.ts'
import type { MasterKeys } from './master-keys.ts'

export interface KeyBoxWatchParts {
  readonly databases: readonly Database[]
  /** undefined: the node has none. */
  readonly masterKeys: MasterKeys | undefined
  readonly events: { taskFailed(task: string, error: unknown): void }
}

/** Counts from time to time how many key boxes need which master key. */
export class KeyBoxWatch {
  readonly #parts: KeyBoxWatchParts
  readonly #counts: DatabaseSamples<readonly KeyBoxCount[]>

  constructor(parts: KeyBoxWatchParts) {
    this.#parts = parts
    const failed = (error: unknown): void => parts.events.taskFailed('counting key boxes', error)
    this.#counts = new DatabaseSamples(parts.databases, ({ pool }) => countKeyBoxes(pool), failed)
  }

  /** Looks now, and again and again. */
  start(intervalMs: number): Disposable {
    return this.#counts.start(intervalMs)
  }

  /** Degraded while devices of some accounts are locked. */
  check(): Health {
    const { masterKeys } = this.#parts
    const locked = this.#counts.latest
      .flatMap((found) => found ?? [])
      .filter(({ masterKeyId }) => masterKeys?.find(masterKeyId) === undefined)
    if (locked.length === 0) return { state: 'ok' }
    const boxes = locked.reduce((sum, one) => sum + one.boxes, 0)
    const ids = [...new Set(locked.map(({ masterKeyId }) => hex(masterKeyId)))].join(', ')
    return {
      state: 'degraded',
      reason: `${boxes} key boxes of hosted devices need master keys that are missing: ${ids}`,
    }
  }

  /** Shows the counts when somebody asks for the metrics. */
  register(registry: Registry): void {
    const { latest } = this.#counts
    const gauge = new Gauge({
      name: 'parley_hosted_key_boxes',
      help: 'Key boxes of hosted devices, by the id of the master key that they need: looked at once a minute by every node',
      labelNames: ['shard', 'master_key'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [shard, found] of latest.entries()) {
          for (const { masterKeyId, boxes } of found ?? []) {
            this.set({ shard: String(shard + 1), master_key: hex(masterKeyId) }, boxes)
          }
        }
      },
    })
    void gauge
  }
}
