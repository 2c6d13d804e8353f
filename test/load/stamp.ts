/**
 * The payload of a message: when it was sent and which one of its author it is, so that whoever gets it can tell how
 * long it took, and what is missing. All devices are in one process, with one clock.
 */
export interface Stamp {
  readonly sentAt: number
  /** 0, 1, 2 … */
  readonly index: number
}

const INDEX_AT = 8
const BYTES = 12

export function encodeStamp({ sentAt, index }: Stamp, payloadBytes: number): Uint8Array {
  const payload = new Uint8Array(Math.max(BYTES, payloadBytes))
  const view = new DataView(payload.buffer)
  view.setFloat64(0, sentAt)
  view.setUint32(INDEX_AT, index)
  return payload
}

export function decodeStamp(payload: Uint8Array): Stamp {
  const view = new DataView(payload.buffer, payload.byteOffset, payload.length)
  return { sentAt: view.getFloat64(0), index: view.getUint32(INDEX_AT) }
}
