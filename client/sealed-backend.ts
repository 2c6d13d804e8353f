import type { RecordSeal } from './record-seal.ts'
import type { KeyRange, StoreBackend, StoredRecord } from './store.ts'

/** What a value that does not open reads as. */
const DAMAGED = new Uint8Array(0)

/**
 * Seals every value on its way into a backend. The records' keys stay as they are, for they are scanned in order. A value
 * that does not open reads as an empty one: whoever decodes it finds that record damaged, and the others stand.
 */
export function sealBackend(backend: StoreBackend, seal: RecordSeal): StoreBackend {
  const open = async (key: string, sealed: Uint8Array): Promise<Uint8Array> => (await seal.open(key, sealed)) ?? DAMAGED
  return {
    async get(key) {
      const sealed = await backend.get(key)
      return sealed === undefined ? undefined : open(key, sealed)
    },
    async scan(range: KeyRange) {
      const records = await backend.scan(range)
      return Promise.all(
        records.map(async ({ key, value }): Promise<StoredRecord> => ({ key, value: await open(key, value) })),
      )
    },
    async write(changes) {
      const entries = await Promise.all(
        [...changes].map(
          async ([key, value]) => [key, value === undefined ? undefined : await seal.seal(key, value)] as const,
        ),
      )
      await backend.write(new Map(entries))
    },
    close: () => backend.close(),
  }
}
