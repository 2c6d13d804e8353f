import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import test from 'ava'
import type { ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { decodeServerFramesJson } from '../../proto/codec.ts'
import { acceptsConnections } from '../../tools/cluster/readiness.ts'
import { findFixedPort } from '../../tools/fixed-ports.ts'
import { writeCertificate } from '../helpers/certificate.ts'
import { newPhone, register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import type { TestServer } from '../helpers/server.ts'
import { requireTool, testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** Asks for two codes an address, so that it shows whose address counts. */
const ENV = {
  TRUSTED_PROXIES: '127.0.0.1',
  LIMITS: JSON.stringify({ registrationPerAddress: { burst: 2, perSecond: 0.001 } }),
}

interface Proxied {
  readonly server: TestServer
  /** Of the proxy, over TLS. */
  readonly port: number
  readonly plainPort: number
}

type StartProxy = (t: ExecutionContext, node: number) => Promise<Omit<Proxied, 'server'>>

async function run(
  t: ExecutionContext,
  program: string,
  args: readonly string[],
  env: NodeJS.ProcessEnv,
  port: number,
) {
  const child = spawn(program, args, { env, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  for (const stream of [child.stdout, child.stderr]) stream.on('data', (chunk: Buffer) => (output += chunk))
  t.teardown(async () => {
    if (child.exitCode !== null) return
    const exited = once(child, 'exit')
    child.kill('SIGTERM')
    await exited
  })
  await waitUntil('the proxy listens', () => {
    if (child.exitCode !== null) throw new Error(`${program} did not start:\n${output}`)
    return acceptsConnections(port)
  })
}

async function createFolder(t: ExecutionContext): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-proxies-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

/** The configuration as it stands, with the ports and files of the test in the place of an operator's. */
const startNginx: StartProxy = async (t, node) => {
  const folder = await createFolder(t)
  const [key, certificate] = [join(folder, 'key.pem'), join(folder, 'certificate.pem')]
  await writeCertificate({ key, certificate })
  const [port, plainPort] = [await findFixedPort(), await findFixedPort()]
  const site = (await readFile(new URL('../../config/nginx.conf', import.meta.url), 'utf8'))
    .replace('server 127.0.0.1:3000', `server 127.0.0.1:${node}`)
    .replace('listen 443 ssl', `listen 127.0.0.1:${port} ssl`)
    .replace('listen 80', `listen 127.0.0.1:${plainPort}`)
    .replaceAll(/listen \[::\].*;/g, '')
    .replace('/etc/parley/certificate.pem', certificate)
    .replace('/etc/parley/key.pem', key)
  await writeFile(join(folder, 'site.conf'), site)
  await mkdir(join(folder, 'temp'))
  const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi']
  const main = [
    `pid ${folder}/nginx.pid;`,
    'daemon off;',
    'events {}',
    'http {',
    'access_log off;',
    ...temporary.map((name) => `${name}_temp_path ${folder}/temp/${name};`),
    `include ${folder}/site.conf;`,
    '}',
  ]
  await writeFile(join(folder, 'nginx.conf'), main.join('\n'))
  await run(t, requireTool('nginx'), ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')], {}, port)
  return { port, plainPort }
}

/** With a certificate of Caddy's own making, and ports in the place of 80 and 443. */
const startCaddy: StartProxy = async (t, node) => {
  const folder = await createFolder(t)
  const [port, plainPort] = [await findFixedPort(), await findFixedPort()]
  const site = await readFile(new URL('../../config/Caddyfile', import.meta.url), 'utf8')
  const options = `{\n\tadmin off\n\thttp_port ${plainPort}\n\thttps_port ${port}\n\tskip_install_trust\n}\n`
  await writeFile(join(folder, 'Caddyfile'), options + site)
  const env = { HOME: folder, XDG_DATA_HOME: folder, PARLEY_UPSTREAM: `127.0.0.1:${node}` }
  await run(
    t,
    requireTool('caddy'),
    ['run', '--config', join(folder, 'Caddyfile'), '--adapter', 'caddyfile'],
    env,
    port,
  )
  return { port, plainPort }
}

interface Asking {
  readonly body?: object
  readonly from?: string
  readonly headers?: Readonly<Record<string, string>>
}

/** @returns the status and headers of the answer */
async function ask(port: number, path: string, { body, from, headers }: Asking = {}) {
  const { promise, resolve, reject } = Promise.withResolvers<{
    status: number
    headers: NodeJS.Dict<string | string[]>
  }>()
  const options = {
    host: 'localhost',
    port,
    path,
    method: body === undefined ? 'GET' : 'POST',
    rejectUnauthorized: false,
    family: 4,
    ...(from === undefined ? {} : { localAddress: from }),
    headers: { ...(body === undefined ? {} : { 'content-type': 'application/json' }), ...headers },
  }
  const sent = request(options, (answer) => {
    answer.resume()
    resolve({ status: answer.statusCode ?? 0, headers: answer.headers })
  })
  sent.on('error', reject)
  sent.end(body && JSON.stringify(body))
  return promise
}

for (const [name, start] of [
  ['nginx', startNginx],
  ['caddy', startCaddy],
] as const) {
  const proxyTest = testWithTools(test, name, 'openssl')

  proxyTest.serial(`behind ${name} everything works over TLS, and each client counts by its own address`, async (t) => {
    const server = await startNode(t, { env: ENV })
    const { port, plainPort } = await start(t, server.node.port)
    await waitUntil(
      'it passes requests on',
      async () => (await ask(port, '/livez').catch(() => undefined))?.status === 200,
    )

    const code = async (from: string, headers: Asking['headers'] = {}): Promise<number> =>
      (await ask(port, '/v1/registrations', { body: { phone: newPhone() }, from, headers })).status
    t.deepEqual([await code('127.0.0.2'), await code('127.0.0.2'), await code('127.0.0.2')], [202, 202, 429])
    // Whatever a client says of itself.
    t.is(await code('127.0.0.2', { 'x-forwarded-for': '203.0.113.7' }), 429)
    t.is(await code('127.0.0.3'), 202)

    t.is((await ask(port, '/metrics')).status, 404)
    t.is((await ask(port, '/livez')).headers['strict-transport-security'], 'max-age=31536000')
    const plain = await fetch(`http://127.0.0.1:${plainPort}/v1/me`, {
      redirect: 'manual',
      headers: { host: 'localhost' },
    })
    t.is(plain.status, 308)

    const { token } = await register(server)
    const socket = new WebSocket(`wss://localhost:${port}/v1/ws`, 'parley.v1.json', {
      rejectUnauthorized: false,
      family: 4,
    })
    t.teardown(() => socket.terminate())
    await once(socket, 'open')
    socket.send(JSON.stringify({ frames: [{ connect: { token } }] }))
    const [first] = (await once(socket, 'message')) as [Buffer]
    t.is(decodeServerFramesJson(first.toString())[0]?.type, 'connected')
  })
}
