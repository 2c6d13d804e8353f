/** Parley's SDK with what only browsers have. */

export * from './index.ts'
export { openBrowserStore } from './browser-store.ts'
export type { BrowserStoreOptions } from './browser-store.ts'
