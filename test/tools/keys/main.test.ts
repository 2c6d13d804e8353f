import { fileURLToPath } from 'node:url'
import test from 'ava'
import { hex } from '../../../client/crypto/bytes.ts'
import { masterKeyId } from '../../../client/crypto/hosted/master-key.ts'
import type { HostedDevice } from '../../../client/crypto/hosted/key-box.ts'
import { addressOf } from '../../../src/api/hosted/data-keys.ts'
import { createBareDatabase } from '../../helpers/database.ts'
import { addDevice, masterKey, openHostedNode } from '../../helpers/hosted.ts'
import { runTool } from '../../helpers/shards-tool.ts'
import type { ToolAnswer } from '../../helpers/shards-tool.ts'
import { openTestSet, usersOfSlot } from '../../helpers/slots.ts'

const TOOL = fileURLToPath(new URL('../../../tools/keys/main.ts', import.meta.url))
/** One of each half. */
const SLOTS = [5, 700]

function rotate(urls: readonly string[], ...names: readonly string[]): Promise<ToolAnswer> {
  const keys = names.map((name) => Buffer.from(masterKey(name)).toString('base64'))
  return runTool(TOOL, { DATABASE_URLS: urls.join(','), MASTER_KEY: keys.join(',') })
}

test('keys:rotate brings the devices of all databases under the first key, once', async (t) => {
  const set = await openTestSet(t, 2)
  const keys = [masterKey('old'), masterKey('new')]
  const node = await openHostedNode(t, set.urls[0]!, { masterKeys: keys, shards: set.shards })
  const devices: HostedDevice[] = []
  for (const [place, slot] of SLOTS.entries()) {
    for (const user of usersOfSlot(slot, 2)) {
      const device = await addDevice(set.databases[place]!, user)
      const store = await node.stores.create(device)
      await store.transaction(async (transaction) => transaction.put('a', Uint8Array.of(place)))
      devices.push(device)
    }
  }
  const [old, first] = ['old', 'new'].map((name) => hex(masterKeyId(masterKey(name))))

  const locked = await rotate(set.urls, 'new')
  t.is(locked.code, 1)
  t.regex(locked.stdout, /\n4 devices are under a master key that MASTER_KEY does not have/)
  t.regex(locked.stdout, new RegExp(`\nKey boxes: 4 under ${old}\\.\n$`))

  const done = await rotate(set.urls, 'new', 'old')
  t.is(done.code, 0, done.stderr)
  t.regex(done.stdout, /New data keys for 4 devices: 4 records sealed anew\.\n/)
  t.regex(done.stdout, new RegExp(`\nKey boxes: 4 under ${first} \\(the first\\)\\.\n$`))

  const again = await rotate(set.urls, 'new')
  t.is(again.code, 0)
  t.regex(again.stdout, /New data keys for 0 devices: 0 records sealed anew\.\n/)
  for (const [i, device] of devices.entries()) {
    const store = await node.stores.open(addressOf(device))
    t.deepEqual(await store.transaction((transaction) => transaction.get('a')), Uint8Array.of(i < 2 ? 0 : 1))
  }
})

test('what keys:rotate cannot do is one clear line and an exit code', async (t) => {
  const says = async (expected: RegExp, answer: Promise<ToolAnswer>): Promise<void> => {
    const { code, stderr } = await answer
    t.is(code, 1)
    t.regex(stderr, expected)
    t.is(stderr.trim().split('\n').length, 1, stderr)
  }
  const { urls } = await openTestSet(t, 1)
  await says(/^Set MASTER_KEY, as the nodes have it/, rotate(urls))
  await says(/^MASTER_KEY must be 32 bytes/, runTool(TOOL, { DATABASE_URLS: urls[0], MASTER_KEY: 'short' }))
  const bare = await createBareDatabase(t)
  await says(/^The database \S+ has no schema of this version: start a node with it first/, rotate([bare], 'new'))
})
