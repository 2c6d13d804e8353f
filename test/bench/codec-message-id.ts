import { makeLife } from './codec-life.ts'

/** A way to carry a message id of 63 bits, written and read back the fastest way known for it. */
interface IdFormat {
  readonly name: string
  readonly bytes: number
  copy(id: bigint): bigint
}

const view = new DataView(new ArrayBuffer(16))
const halves = new DataView(new ArrayBuffer(8))

const fixed64: IdFormat = {
  name: 'fixed64',
  bytes: 8,
  copy(id) {
    view.setBigUint64(0, id, true)
    return view.getBigUint64(0, true)
  },
}

/** A varint, by way of two halves of 32 bits: arithmetic on bigints would allocate at every step. */
const uint64: IdFormat = {
  name: 'uint64',
  bytes: 9,
  copy(id) {
    halves.setBigUint64(0, id)
    let high = halves.getUint32(0)
    let low = halves.getUint32(4)
    let end = 0
    while (high !== 0 || low > 0x7f) {
      view.setUint8(end++, (low & 0x7f) | 0x80)
      low = ((low >>> 7) | (high << 25)) >>> 0
      high >>>= 7
    }
    view.setUint8(end, low)
    for (let at = end; at >= 0; at--) {
      high = ((high << 7) | (low >>> 25)) >>> 0
      low = ((low << 7) | (view.getUint8(at) & 0x7f)) >>> 0
    }
    halves.setUint32(0, high)
    halves.setUint32(4, low)
    return halves.getBigUint64(0)
  },
}

const IDS = 1_024
const ROUNDS = 201

/** ns to write and read one id, the best of many rounds. */
export function measureIds(): { name: string; ns: number; bytes: number }[] {
  const ids = Array.from({ length: IDS }, (_, i) => makeLife(i).accepted).flatMap((frame) =>
    frame.type === 'accepted' ? [frame.messageId] : [],
  )
  return [fixed64, uint64].map((format) => {
    const times = Array.from({ length: ROUNDS }, () => {
      const start = process.hrtime.bigint()
      for (const id of ids) if (format.copy(id) !== id) throw new Error(`${format.name} does not carry ${id}`)
      return Number(process.hrtime.bigint() - start) / IDS
    })
    return { name: format.name, ns: Math.min(...times), bytes: format.bytes }
  })
}
