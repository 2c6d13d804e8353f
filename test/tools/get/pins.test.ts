import { readFile } from 'node:fs/promises'
import test from 'ava'
import { isVersion, readPins } from '../../../tools/get/pins.ts'

const GO_MOD = `module example.com/tools

go 1.24

tool example.org/single

tool (
	example.com/server/v2
	example.com/suite/cmd/client // comment
)

require example.org/single v0.1.0

require (
	example.com v0.0.1 // indirect
	example.com/server/v2 v2.15.2 // indirect
	example.com/suite v0.4.0 // indirect
	example.com/suite/cmd v0.5.0
)
`

test('the tool lines of a go.mod name programs, and its require lines their versions', (t) => {
  t.deepEqual(
    readPins(GO_MOD).map(({ name, version }) => `${name} ${version}`),
    ['server v2.15.2', 'client v0.5.0', 'single v0.1.0'],
  )
})

test('a tool whose module is not required is an error', (t) => {
  t.throws(() => readPins('tool example.com/a\n'), { message: /requires no module that holds example\.com\/a/ })
})

test('the programs of the cluster are pinned', async (t) => {
  const files = await Promise.all(['tools/go.mod', 'tools/caddy/go.mod'].map((file) => readFile(file, 'utf8')))
  const pins = files.flatMap(readPins)
  t.deepEqual(pins.map(({ name }) => name).sort(), ['caddy', 'k6', 'minio', 'nats', 'nats-server'])
  t.true(pins.every(({ version }) => /^v\d+\.\d+\.\d+/.test(version)))
})

test('a program is the pinned one if it prints this very version', (t) => {
  const pin = { name: 'server', packagePath: 'example.com/server', version: 'v2.15.2' }
  for (const output of ['server: v2.15.2', '2.15.2\n', 'server version 2.15.2 (linux)', 'a\nv2.15.2\nb']) {
    t.true(isVersion(output, pin), output)
  }
  for (const output of ['', 'v2.15.20', 'v12.15.2', 'v2.15.2-rc.1', '2x15x2', 'server: v2.15.1']) {
    t.false(isVersion(output, pin), output)
  }
})

test('a version without a release is known by its revision', (t) => {
  const pin = { name: 'store', packagePath: 'example.com/store', version: 'v0.0.0-20260212201848-7aac2a2c5b7c' }
  t.true(isVersion('store version RELEASE (commit-id=7aac2a2c5b7c46d5d1b0)', pin))
  t.false(isVersion('store version RELEASE (commit-id=8aac2a2c5b7c46d5d1b0)', pin))
})
