import test from 'ava'
import { bundleForBrowser, launchChromium, servePage } from '../../../helpers/browser.ts'
import { testWithTools } from '../../../helpers/tools.ts'
import * as here from '../helpers/files-page.ts'

const browserTest = testWithTools(test, 'chromium')

declare const there: typeof here

browserTest('files that Chromium encrypts Node decrypts, and the reverse, in the same buckets', async (t) => {
  const script = await bundleForBrowser(new URL('../helpers/files-page.ts', import.meta.url), 'there')
  const url = await servePage(t, script)
  const page = await (await launchChromium(t)).newPage()
  await page.goto(url)
  for (const size of [0, 1, 65_535, 65_536, 65_537, 200_000]) {
    const text = 'a'.repeat(size)
    const fromPage = await page.evaluate((plain) => there.encryptText(plain), text)
    t.true((await here.decryptText(fromPage)) === text, `${size} from the page`)
    const fromNode = await here.encryptText(text)
    t.true((await page.evaluate((file) => there.decryptText(file), fromNode)) === text, `${size} to the page`)
    const cut = { ...fromNode, blob: btoa(atob(fromNode.blob).slice(0, -1)) }
    t.is(await page.evaluate((file) => there.decryptText(file), cut), 'MALFORMED')
    const other = { ...fromNode, digest: fromPage.digest }
    t.is(await page.evaluate((file) => there.decryptText(file), other), 'BAD_TAG')
  }
  const sizes = Array.from({ length: 400 }, (_, i) => Math.floor(500 * 1.033 ** i))
  t.deepEqual(await page.evaluate((all) => there.buckets(all), sizes), here.buckets(sizes))
})
