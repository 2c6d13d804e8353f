import test from 'ava'
import fc from 'fast-check'
import { decodeContent, encodeContent } from '../../client/content.ts'
import {
  decodeClientFrames,
  decodeClientFramesJson,
  decodeServerFrames,
  decodeServerFramesJson,
  encodeClientFrames,
  encodeClientFramesJson,
  encodeServerFrames,
  encodeServerFramesJson,
} from '../../proto/codec.ts'
import { times } from '../helpers/long.ts'
import { content } from './helpers/arbitrary-content.ts'
import { clientFrames, serverFrames } from './helpers/arbitrary-frames.ts'
import { Oracle } from './helpers/oracle.ts'

const RUNS = times(150, 500)

const clientBatch = new Oracle('parley.v1.ClientBatch')
const serverBatch = new Oracle('parley.v1.ServerBatch')
const oracleContent = new Oracle('parley.content.v1.Content')

test('what a client says is the same bytes and the same JSON to another implementation', (t) => {
  fc.assert(
    fc.property(clientFrames, (frames) => {
      const json = encodeClientFramesJson(frames)
      const bytes = encodeClientFrames(frames).slice()
      t.deepEqual(bytes, clientBatch.jsonToBinary(json))
      const theirs = clientBatch.binaryToJson(bytes)
      t.deepEqual(theirs, frames.length === 0 ? {} : JSON.parse(json))
      t.deepEqual(decodeClientFrames(bytes), frames)
      t.deepEqual(decodeClientFramesJson(JSON.stringify(theirs)), frames)
    }),
    { numRuns: RUNS },
  )
})

test('what a server says is the same bytes and the same JSON to another implementation', (t) => {
  fc.assert(
    fc.property(serverFrames, (frames) => {
      const json = encodeServerFramesJson(frames)
      const bytes = encodeServerFrames(frames).slice()
      t.deepEqual(bytes, serverBatch.jsonToBinary(json))
      const theirs = serverBatch.binaryToJson(bytes)
      t.deepEqual(theirs, frames.length === 0 ? {} : JSON.parse(json))
      t.deepEqual(decodeServerFrames(bytes), frames)
      t.deepEqual(decodeServerFramesJson(JSON.stringify(theirs)), frames)
    }),
    { numRuns: RUNS },
  )
})

test('content is read and written again by another implementation without a change', (t) => {
  fc.assert(
    fc.property(content, (written) => {
      const bytes = encodeContent(written)
      const theirs = oracleContent.jsonToBinary(JSON.stringify(oracleContent.binaryToJson(bytes)))
      t.deepEqual(theirs, bytes)
      t.deepEqual(decodeContent(theirs), written)
    }),
    { numRuns: RUNS },
  )
})
