import { execFileSync } from 'node:child_process'
import { join } from 'node:path'
import test from 'ava'
import {
  decodeClientFrames,
  decodeServerFrames,
  encodeClientFrames,
  encodeServerFrames,
  encodeServerFramesJson,
} from '../../proto/codec.ts'
import type { DeliverFrame, ServerFrame } from '../../proto/frames.ts'

function deliver(payload: Uint8Array, id = 'id'): DeliverFrame {
  const from = { user: 1, device: 1 }
  return { type: 'deliver', seq: 1, envelope: { messageId: 1n, from, kind: 0, id, payload, sentAt: 1, about: [] } }
}

function filled(length: number, byte: number): Uint8Array {
  return new Uint8Array(length).fill(byte)
}

test('the generated code is what the schemas make', (t) => {
  const root = join(import.meta.dirname, '../..')
  t.notThrows(() => execFileSync(process.execPath, ['proto/generate.js', '--check'], { cwd: root, stdio: 'pipe' }))
})

test('payloads outlive the bytes that they came in', (t) => {
  for (const length of [1, 150, 2_048, 2_049, 65_536]) {
    const bytes = encodeServerFrames([deliver(filled(length, 7))]).slice()
    const [frame] = decodeServerFrames(bytes)
    bytes.fill(0)
    structuredClone(bytes.buffer, { transfer: [bytes.buffer] })
    t.deepEqual(frame, deliver(filled(length, 7)))
  }
})

test('payloads do not overlap', (t) => {
  const frames = Array.from({ length: 1_000 }, (_, i) => deliver(filled(i, i % 256)))
  const decoded = decodeServerFrames(encodeServerFrames(frames))
  for (const frame of decoded) if (frame.type === 'deliver') frame.envelope.payload.fill(frame.envelope.payload[0] ?? 0)
  t.deepEqual(decoded, frames)
})

test('input may be a part of a larger buffer', (t) => {
  const bytes = encodeServerFrames([deliver(filled(150, 7), 'ü')])
  const large = new Uint8Array(bytes.length + 200).fill(0xff)
  large.set(bytes, 100)
  t.deepEqual(decodeServerFrames(large.subarray(100, 100 + bytes.length)), [deliver(filled(150, 7), 'ü')])
  t.deepEqual(decodeServerFrames(Buffer.from(large).subarray(100, 100 + bytes.length)), [deliver(filled(150, 7), 'ü')])
})

test('what an encoder returns is valid until the next call', (t) => {
  const first = encodeServerFrames([deliver(filled(100, 1))])
  const copy = first.slice()
  t.deepEqual(first, copy)
  encodeClientFrames([{ type: 'connect', token: 'a'.repeat(100), client: '', number: 0, lastMessageId: 0n }])
  t.notDeepEqual(first, copy)
})

test('batches of every size are written whole, also after a huge one', (t) => {
  for (const count of [0, 1, 40, 400, 40, 1, 0]) {
    const frames = Array.from({ length: count }, (_, i) => deliver(filled(i * 61, i % 256), 'ünïcödé'.repeat(i % 40)))
    t.deepEqual(decodeServerFrames(encodeServerFrames(frames)), frames)
  }
})

test('text that is not ASCII leaves what stands behind it intact', (t) => {
  for (const id of ['é', 'aé', 'éa', '€', '😀', 'a😀', '\ud800', 'aaaaaaaa\udc00', '\u0141', 'ÿ'.repeat(200)]) {
    const [frame] = decodeServerFrames(encodeServerFrames([deliver(filled(3, 0xaa), id), { type: 'pong' }]))
    t.deepEqual(frame, deliver(filled(3, 0xaa), id.toWellFormed()))
  }
})

test('an encoder refuses integers that the wire cannot carry', (t) => {
  for (const seq of [-1, 0.5, 2 ** 53, Number.NaN, Number.POSITIVE_INFINITY]) {
    t.throws(() => encodeServerFrames([{ ...deliver(filled(0, 0)), seq }]), { instanceOf: RangeError })
  }
  for (const messageId of [-1n, 2n ** 64n]) {
    const accepted: ServerFrame = { type: 'accepted', id: '', messageId, at: 0, delivered: [] }
    t.throws(() => encodeServerFrames([accepted]), { instanceOf: RangeError })
  }
  t.deepEqual(decodeClientFrames(encodeClientFrames([{ type: 'ping' }])), [{ type: 'ping' }])
})

test('an encoder refuses an unknown frame', (t) => {
  const unknown: ServerFrame = { type: 'unknown', name: '100' }
  t.throws(() => encodeServerFrames([unknown]), { instanceOf: TypeError })
  t.throws(() => encodeServerFramesJson([unknown]), { instanceOf: TypeError })
})
