import test from 'ava'
import stringWidth from 'string-width'
import { encodeBase64Url } from '../../../client/crypto/base64url.ts'
import { qrLines } from '../../../tools/chat/qr.ts'
import { readQr } from './read-qr.ts'

test('the QR code of a linking is read from the terminal, and fits into one of 80 by 24', (t) => {
  const text = encodeBase64Url(crypto.getRandomValues(new Uint8Array(83)))
  const lines = qrLines(text)
  t.is(readQr(lines), text)
  t.true(lines.length <= 24, `${lines.length} lines`)
  t.true(lines.every((line) => stringWidth(line) === stringWidth(lines[0] ?? '') && stringWidth(line) <= 80))
})

test('short and long texts are read', (t) => {
  for (const text of ['a', 'https://parley.example/#AVk', 'x'.repeat(600)]) {
    t.is(readQr(qrLines(text)), text)
  }
})
