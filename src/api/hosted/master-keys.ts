import { hex } from '../../../client/crypto/bytes.ts'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'

/** The operator's keys: the first seals, all open. */
export class MasterKeys {
  readonly first: Uint8Array
  readonly #byId: ReadonlyMap<string, Uint8Array>

  /** @param keys - at least one, of 32 bytes each */
  constructor(keys: readonly Uint8Array[]) {
    const [first] = keys
    if (first === undefined) throw new RangeError('There is no master key')
    this.first = first
    this.#byId = new Map(keys.map((key) => [hex(masterKeyId(key)), key]))
  }

  find(id: Uint8Array): Uint8Array | undefined {
    return this.#byId.get(hex(id))
  }

  /** Whether it is the id of the first. */
  isFirst(id: Uint8Array): boolean {
    return this.find(id) === this.first
  }
}
