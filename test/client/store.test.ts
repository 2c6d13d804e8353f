import { mkdtemp } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import { openFileStore } from '../../client/file-store.ts'
import { memoryStore } from '../../client/memory-store.ts'
import { testStore } from './helpers/store-contract.ts'

testStore(test, { name: 'memory', open: async () => memoryStore() })
testStore(test, { name: 'file', open: async () => openFileStore(await mkdtemp(join(tmpdir(), 'parley-store-'))) })
