import { existsSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import test from 'ava'
import { parse } from 'yaml'
import { parseConfig } from '../../config/config.ts'
import { readEnv } from '../../config/env.ts'

interface Service {
  readonly image: string
  readonly build?: string
  readonly environment?: Readonly<Record<string, string>>
  readonly volumes?: readonly string[]
  readonly networks?: { readonly default: { readonly ipv4_address: string } }
}

async function readServices(): Promise<Readonly<Record<string, Service>>> {
  const text = await readFile('compose.yaml', 'utf8')
  return (parse(text, { merge: true }) as { services: Record<string, Service> }).services
}

/** As compose does, with values for all variables that have no default. */
function substitute(value: string): string {
  return value.replaceAll(/\$\{(\w+)(?::-([^}]*)|:\?)\}/g, (_, name: string, fallback?: string) => {
    return fallback ?? (name === 'MASTER_KEY' ? 'ab'.repeat(32) : 'password')
  })
}

/** MinIO names its releases by their time. */
const EXACT_TAG = /^(?:[a-z]+:\d+\.\d+|minio\/minio:RELEASE\.\d{4}-\d\d-\d\dT\d\d-\d\d-\d\dZ$)/

test('compose.yaml takes images by exact tags and mounts files that are there', async (t) => {
  for (const [name, { image, build, volumes = [] }] of Object.entries(await readServices())) {
    if (build === undefined) t.regex(image, EXACT_TAG, name)
    for (const volume of volumes.filter((one) => one.startsWith('.'))) t.true(existsSync(volume.split(':')[0]!), volume)
  }
})

test("the nodes of compose.yaml have settings that are known, and trust haproxy's address alone", async (t) => {
  const services = await readServices()
  const { haproxy } = services
  const nodes = Object.entries(services).filter(([, { build }]) => build !== undefined)
  t.is(nodes.length, 2)
  const known = Object.keys(readEnv())
  for (const [name, { environment = {}, networks }] of nodes) {
    t.deepEqual(
      Object.keys(environment).filter((variable) => !known.includes(variable)),
      [],
    )
    const env = Object.fromEntries(Object.entries(environment).map(([key, value]) => [key, substitute(value)]))
    const config = parseConfig(env)
    t.is(config.node.name, name)
    t.deepEqual(config.http.trustedProxies, [haproxy?.networks?.default.ipv4_address])
    t.true(Object.values(haproxy?.environment ?? {}).includes(`${networks?.default.ipv4_address}:3000`))
  }
})

test('compose.tls.yaml adds TLS to services that are there, and asks for a public address', async (t) => {
  const added = parse(await readFile('compose.tls.yaml', 'utf8')) as { services: Record<string, Partial<Service>> }
  const services = await readServices()
  for (const [name, { environment = {} }] of Object.entries(added.services)) {
    t.true(name in services, name)
    if (services[name]?.build !== undefined) t.deepEqual(environment, { PUBLIC_URL: '${PUBLIC_URL:?}' })
  }
  const { environment } = added.services['haproxy']!
  const config = await readFile('config/haproxy.cfg', 'utf8')
  for (const variable of Object.keys(environment ?? {})) t.true(config.includes(`"\${${variable}}"`), variable)
})

test('what the Dockerfile copies is let in by .dockerignore and is there', async (t) => {
  const ignored = (await readFile('.dockerignore', 'utf8')).split('\n').filter((line) => line.startsWith('!'))
  const copied = [...(await readFile('Dockerfile', 'utf8')).matchAll(/^COPY (?!--)(.+) \S+$/gm)]
  const files = copied.flatMap(([, sources = '']) => sources.split(' '))
  t.true(files.length >= 6)
  for (const file of files) {
    t.true(existsSync(file), file)
    t.true(
      ignored.some((line) => file === line.slice(1) || file.startsWith(`${line.slice(1)}/`)),
      file,
    )
  }
})
