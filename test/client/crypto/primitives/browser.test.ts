import test from 'ava'
import type { Page } from 'playwright-core'
import { concat } from '../../../../client/crypto/bytes.ts'
import { Primitives } from '../../../../client/crypto/primitives/primitives.ts'
import { randomBytes } from '../../../../client/crypto/primitives/random.ts'
import type { Teardown } from '../../../helpers/database.ts'
import { bundleForBrowser, launchChromium, servePage } from '../../../helpers/browser.ts'
import { testWithTools } from '../../../helpers/tools.ts'
import { bytes, flip } from '../helpers/bytes.ts'
import { encodeScalar, ORDER, signMixed, SMALL_ORDER } from '../helpers/mixed-order.ts'
import type { SignedMessage } from '../helpers/mixed-order.ts'
import * as here from '../helpers/primitives-page.ts'
import type { Numbers, SignatureCase } from '../helpers/primitives-page.ts'
import { hasWycheproof, readWycheproof } from '../helpers/wycheproof.ts'

const browserTest = testWithTools(test, 'chromium')
const entry = new URL('../helpers/primitives-page.ts', import.meta.url)

declare const there: typeof here

async function openPage(t: Teardown): Promise<Page> {
  const url = await servePage(t, await bundleForBrowser(entry, 'there'))
  const page = await (await launchChromium(t)).newPage()
  await page.goto(url)
  return page
}

function numbers(from: Uint8Array): Numbers {
  return [...from]
}

function fromHex(text = ''): Numbers {
  return numbers(bytes(text))
}

function signatureCase({ message, signature, publicKey }: SignedMessage): SignatureCase {
  return { message: numbers(message), signature: numbers(signature), publicKey: numbers(publicKey) }
}

browserTest('in Chromium its WebCrypto and tweetnacl pass the self-test', async (t) => {
  const page = await openPage(t)
  t.deepEqual(await page.evaluate(() => there.selfTests()), ['WebCrypto', 'tweetnacl'])
})

browserTest('every primitive gives in Chromium what it gives in Node', async (t) => {
  const page = await openPage(t)
  for (let i = 0; i < 20; i++) {
    const from = numbers(randomBytes(32))
    t.deepEqual(await page.evaluate((seed) => there.derived(seed), from), await here.derived(from))
  }
})

browserTest('Chromium judges signatures as Node does: good, changed, mixed, of small order', async (t) => {
  const page = await openPage(t)
  const cases = [...(await plainCases()), ...mixedCases(), ...smallOrderCases()].map(signatureCase)
  const expected = await here.verdicts(cases)
  t.deepEqual(await page.evaluate((all) => there.verdicts(all), cases), expected)
  t.deepEqual(expected[0], expected[1])
  t.true(expected[0]?.includes(true))
  t.true(expected[0]?.includes(false))
})

if (hasWycheproof()) {
  browserTest("Chromium judges all of Wycheproof's Ed25519 signatures right", async (t) => {
    const page = await openPage(t)
    const groups = readWycheproof('ed25519_test.json', 151)
    const cases = groups.flatMap(({ publicKey, tests }) =>
      tests.map(({ msg, sig }) => ({
        message: fromHex(msg),
        signature: fromHex(sig),
        publicKey: fromHex(publicKey?.pk),
      })),
    )
    const expected = groups.flatMap(({ tests }) => tests.map(({ result }) => result === 'valid'))
    t.deepEqual(await page.evaluate((all) => there.verdicts(all), cases), [expected, expected])
  })
}

async function plainCases(): Promise<SignedMessage[]> {
  const primitives = new Primitives()
  const keys = primitives.generateSigning()
  const message = randomBytes(20)
  const signature = await primitives.sign('test', message, keys)
  const good = { message: concat(new TextEncoder().encode('Parley-v1/test\0'), message), signature, ...keys }
  const changed = [0, 100, 300, 511].map((bit) => ({ ...good, signature: flip(signature, bit) }))
  return [good, ...changed, { ...good, publicKey: flip(good.publicKey, 3) }]
}

function mixedCases(): SignedMessage[] {
  const scalar = (seed: number): bigint => (BigInt(seed) * 0x1234_5678_9abc_def1_2345_6789n) ** 3n % ORDER
  return Array.from({ length: 64 }, (_, i) =>
    signMixed(Uint8Array.of(i), scalar(i + 1), scalar(i + 100), i % 8, (i >> 3) % 8),
  )
}

/** Of which WebCrypto takes some by itself. */
function smallOrderCases(): SignedMessage[] {
  const base = Uint8Array.of(0x58, ...new Uint8Array(31).fill(0x66))
  return SMALL_ORDER.map((publicKey) => ({
    message: Uint8Array.of(1),
    signature: concat(base, encodeScalar(1n)),
    publicKey,
  }))
}
