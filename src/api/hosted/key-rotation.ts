import { CryptoError } from '../../../client/crypto/errors.ts'
import { createDataKey, decodeKeyBox, sealDataKey } from '../../../client/crypto/hosted/key-box.ts'
import type { KeyBox } from '../../../client/crypto/hosted/key-box.ts'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import type { Address } from '../../shared/ids.ts'
import { HostedDeviceGoneError } from '../../storage/hosted-records.ts'
import type { HostedRecords } from '../../storage/hosted-records.ts'
import type { HostedTransaction } from '../../storage/hosted-transaction.ts'
import { DataKeys } from './data-keys.ts'
import type { DataKeysOptions } from './data-keys.ts'
import type { MasterKeys } from './master-keys.ts'
import { resealRecord } from './sealed-records.ts'

export interface KeyRotationParts {
  readonly records: HostedRecords
  readonly masterKeys: MasterKeys
  readonly options: DataKeysOptions
  /** Records a transaction: so long the device's own ones wait. */
  readonly pageRows: number
}

/** What was done for one device. */
export interface Rotated {
  /** Records that were sealed again, under the new key. */
  readonly records: number
  /** Records that did not open, and stay as they are. */
  readonly damaged: number
}

/** The records of a device are not all under its newest key: its older ones are kept. */
class RotationError extends Error {
  override readonly name = 'RotationError'
}

const LOWEST_KEY = new Uint8Array(0)
/** Above every key: they are ASCII. */
const ABOVE_KEYS = Uint8Array.of(0xff)

/**
 * Brings the stores of hosted devices under the first master key, each with a new data key, while nodes read and write
 * them. What broke off goes on with the next call. Nodes must have the new master key before.
 */
export class KeyRotation {
  readonly #parts: KeyRotationParts
  readonly #dataKeys: DataKeys

  constructor(parts: KeyRotationParts) {
    this.#parts = parts
    this.#dataKeys = new DataKeys(parts.masterKeys, parts.options)
  }

  /**
   * @returns undefined when there is nothing to do
   * @throws RefusalError HOSTED_LOCKED without the master key that the store is under; UNAVAILABLE, OVERLOADED
   */
  async rotate(address: Address): Promise<Rotated | undefined> {
    try {
      if (!(await this.#begin(address))) return undefined
      const rotated = await this.#reseal(address)
      await this.#end(address, rotated.damaged)
      return rotated
    } catch (error) {
      if (error instanceof HostedDeviceGoneError) return undefined
      throw error
    }
  }

  /** From now on all that is written goes under a key of the first master key. */
  #begin(address: Address): Promise<boolean> {
    const { records, masterKeys } = this.#parts
    return records.run(address, async (rows) => {
      const boxes = await readBoxes(rows)
      const newest = boxes.at(-1)
      if (newest === undefined) return false
      if (masterKeys.isFirst(newest.masterKeyId)) return boxes.length > 1
      // Not before the older key is known to open.
      this.#dataKeys.open(await rows.boxes)
      const dataKey = createDataKey(newest, newest.generation + 1)
      rows.putBox({
        generation: dataKey.generation,
        masterKeyId: masterKeyId(masterKeys.first),
        box: sealDataKey(dataKey, masterKeys.first),
      })
      return true
    })
  }

  async #reseal(address: Address): Promise<Rotated> {
    const { records, pageRows } = this.#parts
    let [resealed, damaged] = [0, 0]
    for (let from: Uint8Array | undefined = LOWEST_KEY; from !== undefined;) {
      const start: Uint8Array = from
      const page = await records.run(address, (rows) => this.#resealPage(rows, start, pageRows))
      resealed += page.records
      damaged += page.damaged
      from = page.next
    }
    return { records: resealed, damaged }
  }

  async #resealPage(
    rows: HostedTransaction,
    from: Uint8Array,
    limit: number,
  ): Promise<Rotated & { next?: Uint8Array }> {
    const scanned = rows.scan({ from, to: ABOVE_KEYS, reverse: false, limit })
    const [boxes, found] = await Promise.all([rows.boxes, scanned])
    const keys = this.#dataKeys.open(boxes)
    const puts: { key: Uint8Array; value: Uint8Array }[] = []
    let damaged = 0
    for (const { key, value } of found) {
      try {
        const resealed = resealRecord(keys, key, value)
        if (resealed !== undefined) puts.push({ key, value: resealed })
      } catch (error) {
        if (!(error instanceof CryptoError)) throw error
        damaged++
      }
    }
    rows.put(puts)
    const last = found.length < limit ? undefined : found.at(-1)
    return { records: puts.length, damaged, ...(last === undefined ? {} : { next: above(last.key) }) }
  }

  /** The older boxes go. */
  #end(address: Address, damaged: number): Promise<void> {
    return this.#parts.records.run(address, async (rows) => {
      const newest = (await readBoxes(rows)).at(-1)
      if (newest === undefined) return
      const left = await rows.countOthers(newest.generation)
      if (left > damaged) throw new RotationError(`${left} records of a device are not under its newest key`)
      rows.deleteBoxesBefore(newest.generation)
    })
  }
}

async function readBoxes(rows: HostedTransaction): Promise<readonly KeyBox[]> {
  return (await rows.boxes).map((box) => decodeKeyBox(box))
}

/** The lowest key that comes after this one. */
function above(key: Uint8Array): Uint8Array {
  const next = new Uint8Array(key.length + 1)
  next.set(key)
  return next
}
