/** Parley's SDK with what only Node has. */

export * from './index.ts'
export { openFileStore, StoreLockedError } from './file-store.ts'
