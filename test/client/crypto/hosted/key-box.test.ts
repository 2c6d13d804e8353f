import { createHash, hkdfSync } from 'node:crypto'
import test from 'ava'
import sodium from 'libsodium-wrappers'
import { concat } from '../../../../client/crypto/bytes.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import {
  createDataKey,
  decodeKeyBox,
  encodeKeyBox,
  KEY_BOX_BYTES,
  openDataKey,
  sealDataKey,
} from '../../../../client/crypto/hosted/key-box.ts'
import { masterKeyId } from '../../../../client/crypto/hosted/master-key.ts'
import { ascii, bytes, flip } from '../helpers/bytes.ts'
import { withRandom } from '../helpers/fixed-random.ts'
import { fuzzParser } from '../helpers/fuzz-parser.ts'

const MASTER_KEY = new Uint8Array(32).fill(0x11)
const DEVICE = { address: { user: 15_550_000_001, device: 1 }, registrationId: 0x12345678 }
const DEK = new Uint8Array(32).fill(0xde)
const SALT = new Uint8Array(32).fill(0x5a)
const NONCE = new Uint8Array(24).fill(0x0c)

function sealFixed(): Uint8Array {
  return withRandom(concat(DEK, SALT, NONCE), () => sealDataKey(createDataKey(DEVICE, 3), MASTER_KEY))
}

test('a key box has the bytes that other implementations make of the same randomness', async (t) => {
  await sodium.ready
  const kid = createHash('sha256').update('Parley-v1/mk-id\0').update(MASTER_KEY).digest().subarray(0, 4)
  t.deepEqual(Buffer.from(masterKeyId(MASTER_KEY)), kid)
  const header = concat(bytes('01 70 000000039eda2b81 00000001 12345678 00000003'), kid, SALT)
  t.is(header.length, 58)
  const kek = hkdfSync('sha256', MASTER_KEY, SALT, concat(ascii('Parley-v1/hosted-kek\0'), header), 32)
  const box = sodium.crypto_secretbox_easy(DEK, NONCE, new Uint8Array(kek))
  const sealed = sealFixed()
  t.is(sealed.length, 130)
  t.is(KEY_BOX_BYTES, 130)
  t.deepEqual(Buffer.from(sealed), Buffer.from(concat(header, NONCE, box)))
})

test('a key box opens with its master key alone, and with every byte as it was', (t) => {
  const sealed = sealFixed()
  t.deepEqual(openDataKey(decodeKeyBox(sealed), MASTER_KEY), { ...DEVICE, generation: 3, key: DEK })
  const corrupt = { instanceOf: CryptoError, code: 'CORRUPT_STATE' }
  t.throws(() => openDataKey(decodeKeyBox(sealed), new Uint8Array(32).fill(0x12)), corrupt)
  for (let bit = 0; bit < sealed.length * 8; bit++) {
    t.throws(() => openDataKey(decodeKeyBox(flip(sealed, bit)), MASTER_KEY), { instanceOf: CryptoError }, `bit ${bit}`)
  }
})

test('two boxes of one key share no salt and no nonce', (t) => {
  const dataKey = createDataKey(DEVICE, 1)
  const [one, two] = [0, 1].map(() => decodeKeyBox(sealDataKey(dataKey, MASTER_KEY)))
  t.notDeepEqual(one?.salt, two?.salt)
  t.notDeepEqual(one?.nonce, two?.nonce)
})

test('the parser of key boxes takes nothing but key boxes', (t) => {
  const counts = fuzzParser({ decode: decodeKeyBox, encode: encodeKeyBox }, [sealFixed()])
  t.true(counts.taken > 0)
  t.true(counts.refused > 0)
})
