/** Parley's SDK with what only Node has. */

export * from './index.ts'
export { openFileStore } from './file-store.ts'
export type { FileStoreOptions } from './file-store.ts'
