import { Gauge } from 'prom-client'
import type { Registry } from 'prom-client'
import { hex } from '../../../client/crypto/bytes.ts'
import type { Database } from '../../storage/database.ts'
import { countKeyBoxes } from '../../storage/key-boxes.ts'
import type { KeyBoxCount } from '../../storage/key-boxes.ts'
import type { Health } from '../health.ts'
import { repeat } from '../repeat.ts'
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
  /** By database; empty: not known now. */
  readonly #counts: (readonly KeyBoxCount[])[]
  #stopped = false

  constructor(parts: KeyBoxWatchParts) {
    this.#parts = parts
    this.#counts = parts.databases.map(() => [])
  }

  /** Looks now, and again and again. */
  start(intervalMs: number): Disposable {
    void this.#lookAtAll()
    const watching = repeat(
      () => this.#lookAtAll(),
      intervalMs,
      () => undefined,
    )
    return {
      [Symbol.dispose]: () => {
        this.#stopped = true
        watching[Symbol.dispose]()
      },
    }
  }

  /** Degraded while devices of some accounts are locked. */
  check(): Health {
    const { masterKeys } = this.#parts
    const locked = this.#counts.flat().filter(({ masterKeyId }) => masterKeys?.find(masterKeyId) === undefined)
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
    const counts = this.#counts
    const gauge = new Gauge({
      name: 'parley_hosted_key_boxes',
      help: 'Key boxes of hosted devices, by the id of the master key that they need: looked at once a minute by every node',
      labelNames: ['shard', 'master_key'],
      registers: [registry],
      collect() {
        this.reset()
        for (const [shard, found] of counts.entries()) {
          for (const { masterKeyId, boxes } of found) {
            this.set({ shard: String(shard + 1), master_key: hex(masterKeyId) }, boxes)
          }
        }
      },
    })
    void gauge
  }

  /** A database that does not answer holds up no other. */
  async #lookAtAll(): Promise<void> {
    const { databases, events } = this.#parts
    await Promise.all(
      databases.map(async ({ pool }, shard) => {
        try {
          this.#counts[shard] = await countKeyBoxes(pool)
        } catch (error) {
          // The connections end with the node, under whatever is asked then.
          if (this.#stopped) return
          this.#counts[shard] = []
          events.taskFailed('counting key boxes', error)
        }
      }),
    )
  }
}
