import test from 'ava'
import fc from 'fast-check'
import { clientFrames, serverFrames } from './helpers/arbitrary-frames.ts'

/** The codec as a browser loads it: without Node's Buffer. */
const { Buffer } = globalThis
Reflect.deleteProperty(globalThis, 'Buffer')
const codec = await import('../../proto/codec.ts')
globalThis.Buffer = Buffer

test('frames come through both encodings in a browser', (t) => {
  fc.assert(
    fc.property(clientFrames, serverFrames, (sent, received) => {
      t.deepEqual(codec.decodeClientFrames(codec.encodeClientFrames(sent)), sent)
      t.deepEqual(codec.decodeServerFrames(codec.encodeServerFrames(received)), received)
      t.deepEqual(codec.decodeClientFramesJson(codec.encodeClientFramesJson(sent)), sent)
      t.deepEqual(codec.decodeServerFramesJson(codec.encodeServerFramesJson(received)), received)
    }),
    { numRuns: 200 },
  )
})

test('bytes that are no UTF-8 and text that is no base64 are refused in a browser', (t) => {
  const invalid = new Uint8Array([0x0a, 0x05, 0x12, 0x03, 0x0a, 0x01, 0xff])
  t.throws(() => codec.decodeClientFrames(invalid), { instanceOf: codec.DecodeError })
  for (const payload of ['a', 'aa aa', '%%%%']) {
    const text = JSON.stringify({ frames: [{ signal: { payload } }] })
    t.throws(() => codec.decodeClientFramesJson(text), { instanceOf: codec.DecodeError })
  }
})
