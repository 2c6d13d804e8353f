import { registerHooks } from 'node:module'

/** Runs `src/main.ts` as it is, but with the settings of a test: see `settings.ts`. */
const main = new URL('../../src/main.ts', import.meta.url).href
const config = new URL('../../config/config.ts', import.meta.url).href
const settings = new URL('settings.ts', import.meta.url).href

registerHooks({
  resolve(specifier, context, nextResolve) {
    const resolved = nextResolve(specifier, context)
    return resolved.url === config && context.parentURL === main ? { ...resolved, url: settings } : resolved
  },
})

// The test that started this node is gone: nobody else would end it.
process.once('disconnect', () => process.kill(process.pid, 'SIGTERM'))

await import(main)
