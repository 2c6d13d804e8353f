import { appendFile, mkdtemp, readFile, rename, rm } from 'node:fs/promises'
import { get, type RequestOptions } from 'node:https'
import type { IncomingMessage } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect, type TLSSocket } from 'node:tls'
import anyTest from 'ava'
import type { ExecutionContext } from 'ava'
import { WebSocket } from 'ws'
import { decodeServerFramesJson } from '../../proto/codec.ts'
import { Haproxy } from '../chaos/haproxy.ts'
import { writeCertificate } from '../helpers/certificate.ts'
import { register } from '../helpers/http.ts'
import { startNode } from '../helpers/node.ts'
import type { TestServer } from '../helpers/server.ts'
import { testWithTools } from '../helpers/tools.ts'
import { waitUntil } from '../helpers/wait-until.ts'

const test = testWithTools(anyTest, 'haproxy', 'openssl')

interface Guarded {
  readonly server: TestServer
  readonly haproxy: Haproxy
  /** Replaces the certificate in the file that haproxy reads. @returns it */
  readonly renew: () => Promise<string>
  /** The first one. */
  readonly certificate: string
}

async function startGuarded(t: ExecutionContext): Promise<Guarded> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-tls-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const bundle = join(folder, 'bundle.pem')
  const renew = async (): Promise<string> => {
    const files = { key: join(folder, 'key.pem'), certificate: join(folder, 'certificate.pem') }
    await writeCertificate(files)
    const certificate = await readFile(files.certificate, 'utf8')
    await appendFile(files.certificate, await readFile(files.key, 'utf8'))
    await rename(files.certificate, bundle)
    return certificate
  }
  const certificate = await renew()
  const server = await startNode(t)
  const haproxy = await Haproxy.start(folder, [server.node.port], { certificates: bundle })
  t.teardown(() => haproxy.close())
  await waitUntil('haproxy finds the node well', async () => (await haproxy.readStates())[0] === 'UP')
  return { server, haproxy, renew, certificate }
}

/** The head of an answer over TLS. */
function ask(options: RequestOptions): Promise<IncomingMessage> {
  const { promise, resolve, reject } = Promise.withResolvers<IncomingMessage>()
  get(options, (answer) => {
    answer.resume()
    resolve(answer)
  }).on('error', reject)
  return promise
}

/** A session over TLS that hears frames in JSON. */
async function openSession(port: number, ca: string, token: string): Promise<{ socket: WebSocket; heard: string[] }> {
  const socket = new WebSocket(`wss://localhost:${port}/v1/ws`, 'parley.v1.json', { ca })
  const heard: string[] = []
  socket.on('message', (data: Buffer) => {
    heard.push(...decodeServerFramesJson(data.toString()).map(({ type }) => type))
  })
  await new Promise<void>((resolve, reject) => {
    socket.once('open', () => resolve())
    socket.once('error', reject)
  })
  socket.send(JSON.stringify({ frames: [{ connect: { token } }] }))
  await waitUntil('the session is open', () => heard.includes('connected'))
  return { socket, heard }
}

/** The certificate that a new connection is shown. */
async function shownCertificate(port: number): Promise<string> {
  const { promise, resolve, reject } = Promise.withResolvers<TLSSocket>()
  const socket = connect({ port, host: '127.0.0.1', servername: 'localhost', rejectUnauthorized: false }, () =>
    resolve(socket),
  )
  socket.on('error', reject)
  const shown = (await promise).getPeerX509Certificate()?.toString() ?? ''
  socket.destroy()
  return shown
}

test('in the clear there is only the way to TLS, and who came by TLS is told to stay there', async (t) => {
  const { haproxy, certificate: ca } = await startGuarded(t)
  const plain = await fetch(`${haproxy.url}/livez?x=1`, { redirect: 'manual' })
  t.is(plain.status, 308)
  t.is(plain.headers.get('location'), `https://127.0.0.1:${haproxy.port}/livez?x=1`)
  t.is(plain.headers.get('strict-transport-security'), null)
  const sealed = await ask({ host: 'localhost', port: haproxy.tlsPort, path: '/livez', ca })
  t.is(sealed.statusCode, 200)
  t.is(sealed.headers['strict-transport-security'], 'max-age=31536000')
  const old = ask({ host: 'localhost', port: haproxy.tlsPort, path: '/livez', ca, maxVersion: 'TLSv1.1' })
  await t.throwsAsync(old)
})

test('a new certificate is taken by a reload, and no session is cut', async (t) => {
  const { server, haproxy, renew, certificate } = await startGuarded(t)
  const { token } = await register(server)
  const { socket, heard } = await openSession(haproxy.tlsPort, certificate, token)
  t.teardown(() => socket.terminate())
  t.is(await shownCertificate(haproxy.tlsPort), certificate)

  const renewed = await renew()
  haproxy.reload()
  await waitUntil('new connections are shown the new certificate', async () => {
    return (await shownCertificate(haproxy.tlsPort).catch(() => '')) === renewed
  })
  socket.send(JSON.stringify({ frames: [{ ping: {} }] }))
  await waitUntil('the session still answers', () => heard.includes('pong'))
  t.is(socket.readyState, WebSocket.OPEN)
})
