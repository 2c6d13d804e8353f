import { ParleyError, RefusedError, register, restore, verify } from '../../client/node.ts'
import type { VerifyOptions } from '../../client/node.ts'
import { ChatError } from './chat-error.ts'
import type { Ask } from './choose-account.ts'
import { askCode, askOtherCode, askPin, askRecoveryKey, waitForEnter } from './questions.ts'
import { formatPhone } from './phone.ts'
import { findRestoringText, refusalText } from './refusals.ts'

/** What the server wants to know. What it has found right is not asked for again. */
interface Given {
  readonly code: string
  readonly session: string
  readonly pin?: string
}

/** What goes by with time: the same answers may serve later. */
const PASSING = new Set(['RATE_LIMITED', 'UNREACHABLE', 'REQUEST_TIMEOUT', 'OVERLOADED', 'UNAVAILABLE', 'INTERNAL'])

/** Makes the store that of the primary device of a number: asks for the code, and for the PIN where there is one. */
export async function registerDevice(user: number, url: string, device: VerifyOptions, ask: Ask): Promise<void> {
  const phone = formatPhone(user)
  print(`If ${phone} has an account already, all of its devices will be logged out, and people are told of new keys.`)
  await tryCodes(phone, url, ask, ({ code, ...given }) => verify(url, phone, code, { ...device, ...given }))
}

/** The same for an account that has a backup: asks for its recovery key, too. */
export async function restoreDevice(user: number, url: string, device: VerifyOptions, ask: Ask): Promise<void> {
  const phone = formatPhone(user)
  let recoveryKey = await askRecoveryKey(ask)
  print(
    'All devices that the account has now will be logged out: the first one for good, and others until they are linked again.',
  )
  const attempt = ({ code, ...given }: Given): ReturnType<typeof restore> =>
    restore(url, phone, code, { ...device, ...given, backup: { recoveryKey } }).catch(async (error: unknown) => {
      const text = error instanceof ParleyError ? findRestoringText(error.code) : undefined
      if (text === undefined) throw error
      if ((error as ParleyError).code !== 'NOT_FOUND') throw new ChatError(text, { cause: error })
      print(text)
      recoveryKey = await askRecoveryKey(ask)
      return attempt({ code, ...given })
    })
  const { messages } = await tryCodes(phone, url, ask, attempt)
  print(`Restored, with ${messages === 1 ? '1 message' : `${messages} messages`}.`)
}

/** Has a code sent, and tries until one is right. */
async function tryCodes<T>(phone: string, url: string, ask: Ask, attempt: (given: Given) => Promise<T>): Promise<T> {
  let session = await sendCode(phone, url)
  let code = await askCode(ask)
  let pin: { readonly pin?: string } = {}
  for (;;) {
    try {
      return await attempt({ code, session, ...pin })
    } catch (error) {
      if (!(error instanceof RefusedError)) throw error
      if (error.code === 'WRONG_CODE') {
        print(refusalText(error.code, error.message))
        const other = await askOtherCode(ask)
        if (other === undefined) session = await sendAgain(phone, url, ask)
        code = other ?? (await askCode(ask))
      } else if (error.code === 'PIN_REQUIRED') {
        print(pin.pin === undefined ? refusalText(error.code, error.message) : 'That PIN is wrong.')
        pin = { pin: await askPin(ask) }
      } else if (PASSING.has(error.code)) await waitForEnter(explainText(error, url), ask)
      else throw explain(error, url)
    }
  }
}

async function sendCode(phone: string, url: string): Promise<string> {
  const { session } = await register(url, phone).catch((error: unknown) => {
    throw explain(error, url)
  })
  print(`A code was sent to ${phone}. A server started with npm start prints it in its own terminal.`)
  return session
}

/** The same where a person has answered questions already: what passes is waited for. */
async function sendAgain(phone: string, url: string, ask: Ask): Promise<string> {
  for (;;) {
    try {
      return await sendCode(phone, url)
    } catch (error) {
      const refusal = error instanceof ChatError ? error.cause : undefined
      if (!(refusal instanceof RefusedError) || !PASSING.has(refusal.code)) throw error
      await waitForEnter((error as ChatError).message, ask)
    }
  }
}

/** The same in words, where it is a refusal. */
export function explain(error: unknown, url: string): unknown {
  return error instanceof RefusedError ? new ChatError(explainText(error, url), { cause: error }) : error
}

function explainText(error: RefusedError, url: string): string {
  if (error.code === 'UNREACHABLE') {
    return `No server answers at ${url}. Start one with npm start, or name another one with --url.`
  }
  const wait = error.retryAfterMs > 0 ? ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.` : ''
  return refusalText(error.code, error.message) + wait
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
