import test from 'ava'
import { hex } from '../../../../client/crypto/bytes.ts'
import { readHeader } from '../../../../client/crypto/sessions/receive.ts'
import { bundleForBrowser, launchChromium, servePage } from '../../../helpers/browser.ts'
import { testWithTools } from '../../../helpers/tools.ts'
import { bytes } from '../helpers/bytes.ts'
import { twoEndpoints } from '../helpers/endpoint.ts'
import type { Endpoint } from '../helpers/endpoint.ts'
import type * as here from '../helpers/sessions-page.ts'
import type { PageDevice, PagePreKeys } from '../helpers/sessions-page.ts'

const browserTest = testWithTools(test, 'chromium')
const entry = new URL('../helpers/sessions-page.ts', import.meta.url)

declare const there: typeof here

function deviceOf({ own }: Endpoint): PageDevice {
  const { certificate, agreementKeys, list } = own
  return { certificate: hex(certificate), agreementSecret: hex(agreementKeys.secretKey), listHash: hex(list.hash) }
}

function preKeysOf(end: Endpoint, payload: Uint8Array): PagePreKeys {
  const { preKey } = readHeader(payload)
  const signed = end.signedPreKeys.get(preKey?.signedPreKeyId ?? 0)
  const oneTime = end.oneTimePreKeys.get(preKey?.oneTimePreKeyId ?? 0)
  const kem = end.kemOneTimePreKeys.get(preKey?.kemPreKeyId ?? 0)
  if (preKey === undefined || signed === undefined || kem === undefined) throw new Error('No such pre-keys')
  return {
    signed: { id: preKey.signedPreKeyId, secret: hex(signed.secretKey) },
    oneTime: oneTime && { id: preKey.oneTimePreKeyId ?? 0, secret: hex(oneTime.secretKey) },
    kem: { id: preKey.kemPreKeyId, oneTime: true, seed: hex(kem.seed), publicKey: hex(kem.publicKey) },
  }
}

browserTest(
  'a device in Chromium and one in Node talk, out of order, and Chromium takes no changed byte',
  async (t) => {
    const url = await servePage(t, await bundleForBrowser(entry, 'there'))
    const page = await (await launchChromium(t)).newPage()
    await page.goto(url)
    const [alice, bob] = await twoEndpoints()
    const device = deviceOf(bob)
    const from = alice.own.address
    const sent = ['one', 'two', 'three'].map((text) => ({ text, payload: alice.send(bob, text) }))
    const [first] = sent
    if (first === undefined) throw new Error('Nothing was sent')
    const preKeys = preKeysOf(bob, first.payload)
    const message = { device, record: '', from, payload: hex(first.payload), preKeys }
    const [count, all] = await page.evaluate((one) => there.refused(one, 11), message)
    t.is(count, all)
    let record = ''
    for (const { text, payload } of sent.toReversed()) {
      const opened = await page.evaluate((one) => there.open(one), { ...message, record, payload: hex(payload) })
      t.is(opened.text, text)
      record = opened.record
    }
    const sealed = await page.evaluate(([own, state]) => there.seal(own, state, 'from Chromium'), [
      device,
      record,
    ] as const)
    t.is(alice.read(bob, bytes(sealed.payload)), 'from Chromium')
    const next = { device, record: sealed.record, from, payload: hex(alice.send(bob, 'a step')) }
    const [refused, tried] = await page.evaluate((one) => there.refused(one, 1), next)
    t.is(refused, tried)
    t.is(tried, 278)
    t.is((await page.evaluate((one) => there.open(one), next)).text, 'a step')
  },
)
