import { readFile } from 'node:fs/promises'
import test from 'ava'
import { ConfigError, parseConfig } from '../../config/config.ts'
import type { Env } from '../../config/env.ts'
import { readEnv } from '../../config/env.ts'
import { defaultLimits } from '../../config/limits.ts'
import { checkRelations } from '../../config/relations.ts'

/** The lines of what is wrong with the variables. */
function wrongLines(env: Env): readonly string[] {
  try {
    parseConfig(env)
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.lines
    throw error
  }
}

test('without variables a node serves port 3000 from an embedded database', (t) => {
  const config = parseConfig({})
  t.is(config.http.port, 3_000)
  t.is(config.http.host, '0.0.0.0')
  t.is(config.secrets.databaseUrls, undefined)
  t.is(config.secrets.smsUrl, undefined)
  t.true(config.storage.dataDir.endsWith('/.data'))
  t.deepEqual(config.limits, defaultLimits)
})

test('an empty variable counts as absent', (t) => {
  const config = parseConfig({ PORT: '', HOST: '', DATABASE_URLS: '', LIMITS: '', SMS_SENDER: '', MASTER_KEY: '' })
  t.deepEqual(config, parseConfig({}))
})

test('a node waits before it sends its clients away only if a load balancer stands before it', (t) => {
  t.is(parseConfig({}).node.drainPauseMs, 0)
  const config = parseConfig({ TRUSTED_PROXIES: '10.0.0.0/8, ::1' })
  t.deepEqual(config.http.trustedProxies, ['10.0.0.0/8', '::1'])
  t.true(config.node.drainPauseMs > 0)
})

test('the whole object is frozen', (t) => {
  const config = parseConfig({})
  const parts: object[] = [config]
  for (const part of parts) {
    t.true(Object.isFrozen(part))
    parts.push(...Object.values(part).filter((value) => typeof value === 'object' && value !== null))
  }
})

test('a wrong value is one line that names its variable', (t) => {
  const cases: readonly [Env, RegExp][] = [
    [{ PORT: 'http' }, /^PORT must be a whole number from 0 to 65535, not "http"$/],
    [{ PORT: '65536' }, /^PORT /],
    [{ METRICS_PORT: 'x' }, /^METRICS_PORT must be a whole number/],
    [{ PORT: '-1' }, /^PORT /],
    [{ PORT: '80.5' }, /^PORT /],
    [{ NODE_NAME: 'a b' }, /^NODE_NAME must be 1 to 64 letters/],
    [{ PUBLIC_URL: 'chat.example.org' }, /^PUBLIC_URL must be a URL that begins with http:\/\/ or https:\/\/$/],
    [{ TRUSTED_PROXIES: '10.0.0.300' }, /^TRUSTED_PROXIES must be IP addresses or networks .*, not "10\.0\.0\.300"$/],
    [{ TRUSTED_PROXIES: '10.0.0.0/33' }, /^TRUSTED_PROXIES /],
    [{ TRUSTED_PROXIES: '::1/129' }, /^TRUSTED_PROXIES /],
    [{ TRUSTED_PROXIES: '10.0.0.1,,::1' }, /^TRUSTED_PROXIES .*, not ""$/],
    [{ TRUSTED_PROXIES: 'haproxy' }, /^TRUSTED_PROXIES /],
    [{ LOG_LEVEL: 'loud' }, /^LOG_LEVEL must be one of trace, debug, /],
    [{ SMS_SENDER: 'pigeon' }, /^SMS_SENDER must be a URL/],
    [{ DATABASE_URLS: 'mysql://localhost/x' }, /^DATABASE_URLS must be a URL/],
    [{ DATABASE_URLS: 'postgres://a/x,' }, /^DATABASE_URLS must be a list of URLs/],
    [{ DATABASE_URLS: 'postgres://a/x,postgres://a/x' }, /^DATABASE_URLS names the same URL twice$/],
    [{ DATABASE_URLS: 'postgres://a/x,b' }, /^DATABASE_URLS \(number 2\) must be a URL/],
    [{ MASTER_KEY: 'short' }, /^MASTER_KEY must be 32 bytes/],
    [{ MASTER_KEY: 'ab'.repeat(31) }, /^MASTER_KEY must be 32 bytes/],
    [{ MASTER_KEY: `${'ab'.repeat(32)},` }, /^MASTER_KEY must be 32 bytes/],
    [{ MASTER_KEY: `${'ab'.repeat(32)},${'!'.repeat(43)}=` }, /^MASTER_KEY must be 32 bytes/],
    [{ LIMITS: '{' }, /^LIMITS must be a JSON object/],
    [{ LIMITS: '[]' }, /^LIMITS must be a JSON object/],
    [{ LIMITS: '{"sent":{}}' }, /^LIMITS: there is no limit "sent"; there are registrationPerPhone, /],
    [{ LIMITS: '{"__proto__":{"burst":1}}' }, /^LIMITS: there is no limit "__proto__"/],
    [{ LIMITS: '{"send":{"burst":0}}' }, /^LIMITS: send must be /],
    [{ LIMITS: '{"send":{"brust":9}}' }, /^LIMITS: send must be /],
    [{ LIMITS: '{"send":5}' }, /^LIMITS: send must be /],
  ]
  for (const [env, line] of cases) {
    const lines = wrongLines(env)
    t.is(lines.length, 1, JSON.stringify(env))
    t.regex(lines[0] ?? '', line)
    t.notRegex(lines[0] ?? '', /\n/)
  }
})

test('all wrong values are told at once', (t) => {
  t.is(wrongLines({ PORT: 'x', LOG_LEVEL: 'x', LIMITS: '{"a":1,"b":1}' }).length, 4)
})

test('a line about a value that may hold a password does not repeat it', (t) => {
  const secret = 'hunter2'
  const env = { DATABASE_URLS: `pg://u:${secret}@h/d`, SMS_SENDER: `ftp://u:${secret}@h`, MASTER_KEY: secret }
  t.is(wrongLines(env).length, 3)
  t.notRegex(wrongLines(env).join(), new RegExp(secret))
})

test('limits merge into the defaults, also by halves', (t) => {
  const { limits } = parseConfig({ LIMITS: '{"send":{"burst":20000,"perSecond":5000},"http":{"burst":7}}' })
  t.deepEqual(limits.send, { burst: 20_000, perSecond: 5_000 })
  t.deepEqual(limits.http, { ...defaultLimits.http, burst: 7 })
  t.deepEqual(limits.keys, defaultLimits.keys)
})

test('master keys are read from hexadecimal digits and from base64, several in their order', (t) => {
  const key = Buffer.alloc(32, 0xa7)
  const texts = [key.toString('hex'), key.toString('base64'), key.toString('base64url')]
  for (const text of texts) t.deepEqual(parseConfig({ MASTER_KEY: text }).secrets.masterKeys, [key])
  t.deepEqual(parseConfig({ MASTER_KEY: texts.join(' , ') }).secrets.masterKeys, [key, key, key])
})

test('a list of databases keeps its order', (t) => {
  const urls = ['postgres://b/1', 'postgresql://a/2']
  t.deepEqual(parseConfig({ DATABASE_URLS: urls.join(' , ') }).secrets.databaseUrls, urls)
})

test('a list of NATS servers is taken, and no other protocol', (t) => {
  const urls = ['nats://node:secret@a:4222', 'tls://b']
  t.deepEqual(parseConfig({ NATS_URL: urls.join(',') }).secrets.natsUrls, urls)
  t.throws(() => parseConfig({ NATS_URL: 'http://a' }), { instanceOf: ConfigError, message: /^NATS_URL/ })
})

test('settings that contradict each other are told', (t) => {
  const config = parseConfig({})
  const lines: string[] = []
  const gateway = { ...config.gateway, maxMessageBytes: 10, maxBackpressureBytes: 1 }
  const overload = { ...config.overload, journalFill: { connections: 0.9, sends: 0.8 } }
  checkRelations({ ...config, gateway, overload }, (line) => lines.push(line))
  t.is(lines.length, 3)
})

test('.env.example has every variable, and is right', async (t) => {
  const text = await readFile('.env.example', 'utf8')
  const settings = [...text.matchAll(/^#?([A-Z_]+)=(.*)$/gm)].map(([, name, value]) => [name, value] as const)
  t.deepEqual(settings.map(([name]) => name).toSorted(), Object.keys(readEnv()).toSorted())
  t.deepEqual(wrongLines(Object.fromEntries(settings)), [])
})

test('each start has a node name of its own, unless it is given one', (t) => {
  const names = new Set([readEnv().NODE_NAME, readEnv().NODE_NAME])
  t.is(names.size, 2)
  for (const name of names) t.is(parseConfig({ NODE_NAME: name }).node.name, name ?? '')
})
