import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { build } from 'esbuild'
import { chromium } from 'playwright-core'
import type { Browser } from 'playwright-core'
import type { Teardown } from './database.ts'
import { requireTool } from './tools.ts'

/** A module and all that it imports, as one script for a page, which finds its exports under `globalThis[name]`. */
export async function bundleForBrowser(entry: URL, name: string): Promise<string> {
  const { outputFiles } = await build({
    entryPoints: [entry.pathname],
    bundle: true,
    format: 'iife',
    globalName: name,
    platform: 'browser',
    write: false,
    logLevel: 'silent',
  })
  return (outputFiles[0] as { text: string }).text
}

/** The Chromium of this machine, for as long as the test. */
export async function launchChromium(t: Teardown): Promise<Browser> {
  const browser = await chromium.launch({ executablePath: requireTool('chromium'), chromiumSandbox: false })
  t.teardown(() => browser.close())
  return browser
}

/** The address of an empty page with that script, on this machine: what is encrypted works only where pages are trusted. */
export async function servePage(t: Teardown, script: string): Promise<string> {
  const server = createServer((request, response) => {
    const isScript = request.url === '/script.js'
    response.setHeader('content-type', isScript ? 'text/javascript; charset=utf-8' : 'text/html; charset=utf-8')
    response.end(isScript ? script : '<!doctype html><title>Parley</title><script src="/script.js"></script>')
  })
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  t.teardown(() => server.close())
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}/`
}
