import { setTimeout as delay } from 'node:timers/promises'
import { attacker } from '../attacker.ts'
import { requestBytes, AnswerReader } from '../attack-http.ts'
import { forever, request } from '../means.ts'
import type { Target } from '../target.ts'

const ATTEMPTS = 8
/** So long it takes a person, at least. */
const TYPING_MS = 300
const PAUSE_MS = 500
/** How many text messages a prefix may cost: a full bucket of 100, and what it fills with in a minute or two. */
const MOST_TEXTS = 130

/** A phone number that no other attack of a run has. */
function newPhone({ mark }: Target): string {
  const [, high = 0, low = 0] = mark.network.split('.').map(Number)
  return `+1777${String(high * 256 + low).padStart(7, '0')}`
}

/** A person at another address who wants to register, as the app does it. @returns how it ended */
async function registers(target: Target, phone: string, meanwhile = () => delay(TYPING_MS) as Promise<unknown>) {
  const client = await target.http(target.address(200))
  if (client === undefined) return 'no connection'
  try {
    const asked = await client.call('/v1/registrations', { body: { phone } })
    if (asked?.status !== 202) return `asking: ${asked?.status} ${asked?.code}`
    const { session } = JSON.parse(asked.body) as { session?: string }
    const code = await target.codeFor(phone)
    await meanwhile()
    const body = { phone, code, ...(session === undefined ? {} : { session }) }
    const verified = await client.call('/v1/registrations/verify', { body })
    return verified?.status === 201 ? '' : `the right code: ${verified?.status} ${verified?.code}`
  } finally {
    client.wire.destroy()
  }
}

export const wrongCodes = attacker({
  name: 'wrong-codes',
  about: 'Tries wrong codes for a number whose owner registers at the same time',
  refusedBy: ['403 WRONG_CODE', '429 RATE_LIMITED'],
  run: async (target, signal) => {
    const phone = newPhone(target)
    const attack = request(target, signal, 8, (client, count) =>
      client.call('/v1/registrations/verify', { body: { phone, code: String(100_000 + count) } }),
    )
    await tryOften(target, phone, signal)
    await attack
  },
})

export const askedFor = attacker({
  name: 'asked-for',
  about: 'Asks for codes for a number until it is refused, and its owner wants to register then',
  run: async (target, signal) => {
    const phone = newPhone(target)
    const first = await target.http()
    for (let i = 0; i < 20; i++) await first?.call('/v1/registrations', { body: { phone } })
    const attack = request(target, signal, 1, (client) => client.call('/v1/registrations', { body: { phone } }))
    await tryOften(target, phone, signal)
    await attack
  },
})

export const askedAgain = attacker({
  name: 'asked-again',
  about: 'Asks for a code for a number once, just when its owner has got one',
  run: async (target) => {
    const phone = newPhone(target)
    const client = await target.http()
    const ended = await registers(target, phone, async () => client?.call('/v1/registrations', { body: { phone } }))
    if (ended !== '') target.tally.broke(`the code just received is void: ${ended}`)
  },
})

/** The owner tries, and is locked out in every try. */
async function tryOften(target: Target, phone: string, signal: AbortSignal): Promise<void> {
  let failures = 0
  let last = ''
  let tries = 0
  do {
    await delay(PAUSE_MS)
    tries++
    last = await registers(target, phone).catch(String)
    if (last === '') break
    failures++
  } while (tries < ATTEMPTS && !signal.aborted)
  if (failures > 0 && last !== '')
    target.tally.broke(`locked out of registering, ${failures} of ${tries} tries: ${last}`)
}

export const prefixTexts = attacker({
  name: 'prefix-texts',
  about: 'Asks for text messages from ever new addresses of one IPv6 /64',
  run: async (target, signal) => {
    let next = 0
    let texts = 0
    await forever(signal, 20, async () => {
      const number = next++
      const wire = await target.wireAs(`2001:db8:1:2::${(number + 1).toString(16)}`)
      if (wire === undefined) return false
      const reader = new AnswerReader(wire, target.tally)
      const phone = `+1888${String(number).padStart(7, '0')}`
      const answer = reader.next()
      await wire.write(requestBytes(target.host, '/v1/registrations', { body: { phone } }))
      if ((await answer)?.status === 202) texts++
      wire.destroy()
      return true
    })
    if (texts > MOST_TEXTS) target.tally.broke(`${texts.toLocaleString('en')} text messages for one /64`)
  },
})
