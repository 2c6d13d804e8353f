/**
 * One-dimensional arrays in PostgreSQL's binary format, for parameters of `unnest`: half the cost of their text form on
 * both sides, and payloads travel as they are. Layout: `array_recv` in the PostgreSQL sources.
 */
const Oid = { bool: 16, bytea: 17, int8: 20, int2: 21, text: 25 } as const

const HEADER_BYTES = 20

export function boolArray(values: readonly boolean[]): Buffer {
  const array = fixed(Oid.bool, values.length, 1)
  for (let i = 0; i < values.length; i++) array[HEADER_BYTES + i * 5 + 4] = values[i] === true ? 1 : 0
  return array
}

export function int2Array(values: readonly number[]): Buffer {
  const array = fixed(Oid.int2, values.length, 2)
  const view = viewOf(array)
  for (let i = 0; i < values.length; i++) view.setInt16(HEADER_BYTES + i * 6 + 4, values[i]!)
  return array
}

/** bigint[] of safe integers or bigints. */
export function int8Array(values: readonly (number | bigint)[]): Buffer {
  const array = fixed(Oid.int8, values.length, 8)
  const view = viewOf(array)
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!
    const at = HEADER_BYTES + i * 12 + 4
    if (typeof value === 'bigint') {
      view.setBigInt64(at, value)
    } else {
      view.setInt32(at, Math.floor(value / 2 ** 32))
      view.setUint32(at + 4, value >>> 0)
    }
  }
  return array
}

export function textArray(values: readonly string[]): Buffer {
  let bytes = HEADER_BYTES
  for (const value of values) bytes += 4 + Buffer.byteLength(value)
  const array = header(Oid.text, values.length, bytes)
  let at = HEADER_BYTES
  for (const value of values) {
    const length = array.write(value, at + 4)
    array.writeInt32BE(length, at)
    at += 4 + length
  }
  return array
}

export function byteaArray(values: readonly Uint8Array[]): Buffer {
  let bytes = HEADER_BYTES
  for (const value of values) bytes += 4 + value.length
  const array = header(Oid.bytea, values.length, bytes)
  const view = viewOf(array)
  let at = HEADER_BYTES
  for (const value of values) {
    view.setInt32(at, value.length)
    array.set(value, at + 4)
    at += 4 + value.length
  }
  return array
}

/** An array of elements of one size, each with its length written. */
function fixed(oid: number, count: number, elementBytes: number): Buffer {
  const array = header(oid, count, HEADER_BYTES + count * (4 + elementBytes))
  const view = viewOf(array)
  for (let i = 0; i < count; i++) view.setInt32(HEADER_BYTES + i * (4 + elementBytes), elementBytes)
  return array
}

/** Writes numbers in network order, and faster than a Buffer's own methods. */
function viewOf(array: Buffer): DataView {
  return new DataView(array.buffer, array.byteOffset, array.length)
}

/** One dimension, no nulls, lower bound 1. */
function header(oid: number, count: number, bytes: number): Buffer {
  const array = Buffer.allocUnsafe(bytes)
  array.writeInt32BE(1, 0)
  array.writeInt32BE(0, 4)
  array.writeInt32BE(oid, 8)
  array.writeInt32BE(count, 12)
  array.writeInt32BE(1, 16)
  return array
}
