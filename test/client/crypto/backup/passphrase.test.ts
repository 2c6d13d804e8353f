import test from 'ava'
import { unwrapRecoveryKey, wrapRecoveryKey } from '../../../../client/crypto/backup/passphrase.ts'
import { generateRecoveryKey } from '../../../../client/crypto/backup/recovery-key.ts'
import { CryptoError } from '../../../../client/crypto/errors.ts'
import { decodePassphraseBox } from '../../../../client/crypto/wire/passphrase-box.ts'

const CHEAP = { memoryKiB: 64, passes: 1, lanes: 1 }

test('a passphrase gives the recovery key back, and no other does', async (t) => {
  const key = generateRecoveryKey()
  const box = await wrapRecoveryKey(key, 'correct horse', CHEAP)
  t.is(box.length, 144)
  t.is(await unwrapRecoveryKey(box, 'correct horse'), key)
  for (const wrong of ['correct hors', 'Correct horse', ' correct horse'])
    await t.throwsAsync(unwrapRecoveryKey(box, wrong), { instanceOf: CryptoError, code: 'BAD_TAG' })
  await t.throwsAsync(wrapRecoveryKey(key, '', CHEAP), { code: 'MALFORMED' })
})

test('a passphrase is the same however its letters are composed', async (t) => {
  const key = generateRecoveryKey()
  const box = await wrapRecoveryKey(key, 'Zürich', CHEAP)
  t.is(await unwrapRecoveryKey(box, 'Zu\u0308rich'), key)
})

test('the default cost is what the box says, and a second box of the same is another', async (t) => {
  const key = generateRecoveryKey()
  const box = await wrapRecoveryKey(key, 'correct horse')
  t.deepEqual(decodePassphraseBox(box).cost, { memoryKiB: 32_768, passes: 2, lanes: 1 })
  t.is(await unwrapRecoveryKey(box, 'correct horse'), key)
  const [one, two] = [await wrapRecoveryKey(key, 'a', CHEAP), await wrapRecoveryKey(key, 'a', CHEAP)]
  t.notDeepEqual(one, two)
})

test('a box with any byte changed does not open, nor costs more than is allowed', async (t) => {
  const key = generateRecoveryKey()
  const box = await wrapRecoveryKey(key, 'correct horse', CHEAP)
  for (let at = 0; at < box.length; at++) {
    const changed = box.slice()
    changed[at] = (changed[at] ?? 0) ^ 1
    // Memory of these bytes would be much, and is within what is allowed.
    if (at === 3) continue
    await t.throwsAsync(unwrapRecoveryKey(changed, 'correct horse'), { instanceOf: CryptoError }, `byte ${at}`)
  }
  const costs: [at: number, value: number][] = [
    [2, 1],
    [6, 0],
    [6, 17],
    [7, 0],
    [7, 5],
  ]
  for (const [at, value] of costs) {
    const changed = box.slice()
    changed[at] = value
    t.throws(() => decodePassphraseBox(changed), { code: 'MALFORMED' })
  }
  t.is(await unwrapRecoveryKey(box, 'correct horse'), key)
})
