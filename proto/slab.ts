const SLAB_BYTES = 65536
const LARGE_BYTES = 2_048

let slab = new Uint8Array(SLAB_BYTES)
let used = 0

/**
 * A copy of bytes `start` … `end`. Small copies are views of a shared buffer, since an ArrayBuffer of its own costs ten
 * times as much: use the view, never its `buffer`, and transfer it nowhere.
 */
export function copyBytes(bytes: Uint8Array, start: number, end: number): Uint8Array {
  const length = end - start
  const source = bytes.subarray(start, end)
  if (length > LARGE_BYTES) return new Uint8Array(source)
  if (used + length > SLAB_BYTES) {
    slab = new Uint8Array(SLAB_BYTES)
    used = 0
  }
  slab.set(source, used)
  const copy = slab.subarray(used, used + length)
  used += length
  return copy
}
