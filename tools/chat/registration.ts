import { parseRecoveryKey } from '../../client/crypto/backup/recovery-key.ts'
import { CryptoError } from '../../client/crypto/errors.ts'
import { ParleyError, RefusedError, register, restore, verify } from '../../client/node.ts'
import type { VerifyOptions } from '../../client/node.ts'
import { ChatError } from './chat-error.ts'
import type { Ask } from './choose-account.ts'
import { formatPhone } from './phone.ts'
import { findRestoringText, refusalText } from './refusals.ts'

/** Makes the store that of the primary device of a number: asks for the code, and for the PIN where there is one. */
export async function registerDevice(user: number, url: string, device: VerifyOptions, ask: Ask): Promise<void> {
  const phone = formatPhone(user)
  process.stdout.write(
    `If ${phone} has an account already, all of its devices will be logged out, and people are told of new keys.\n`,
  )
  await tryCodes(phone, url, ask, (code, given) => verify(url, phone, code, { ...device, ...given }))
}

/** The same for an account that has a backup: asks for its recovery key, too. */
export async function restoreDevice(user: number, url: string, device: VerifyOptions, ask: Ask): Promise<void> {
  const phone = formatPhone(user)
  process.stdout.write(
    'All devices that the account has now will be logged out: the first one for good, and others until they are linked again.\n',
  )
  const backup = { recoveryKey: await askRecoveryKey(ask) }
  const { messages } = await tryCodes(phone, url, ask, (code, given) =>
    restore(url, phone, code, { ...device, ...given, backup }).catch((error: unknown) => {
      const text = error instanceof ParleyError ? findRestoringText(error.code) : undefined
      throw text === undefined ? error : new ChatError(text, { cause: error })
    }),
  )
  process.stdout.write(`Restored, with ${messages === 1 ? '1 message' : `${messages} messages`}.\n`)
}

async function askRecoveryKey(ask: Ask): Promise<string> {
  for (;;) {
    try {
      return parseRecoveryKey(await askFor('Recovery key: ', ask))
    } catch (error) {
      if (!(error instanceof CryptoError)) throw error
      process.stdout.write(`${error.message}.\n`)
    }
  }
}

/** Has a code sent, and tries until one is right. */
async function tryCodes<T>(
  phone: string,
  url: string,
  ask: Ask,
  attempt: (code: string, given: { readonly session: string; readonly pin?: string }) => Promise<T>,
): Promise<T> {
  const { session } = await register(url, phone).catch((error: unknown) => {
    throw explain(error, url)
  })
  process.stdout.write(`A code was sent to ${phone}. A server started with npm start prints it in its own terminal.\n`)
  let pin: { readonly pin?: string } = {}
  let code: string | undefined
  for (;;) {
    code ??= await askFor('Code: ', ask)
    try {
      return await attempt(code, { session, ...pin })
    } catch (error) {
      const refusal = error instanceof RefusedError ? error.code : undefined
      if (refusal !== 'WRONG_CODE' && refusal !== 'PIN_REQUIRED') throw explain(error, url)
      process.stdout.write(`${refusalText(refusal, '')}\n`)
      if (refusal === 'PIN_REQUIRED') pin = { pin: await askFor('PIN: ', ask) }
      else code = undefined
    }
  }
}

async function askFor(question: string, ask: Ask): Promise<string> {
  for (;;) {
    const answer = await ask(question)
    if (answer === undefined) throw new ChatError('Registration was not finished.')
    if (answer.trim() !== '') return answer.replaceAll(/\s/g, '')
  }
}

/** The same in words, where it is a refusal. */
export function explain(error: unknown, url: string): unknown {
  if (!(error instanceof RefusedError)) return error
  if (error.code === 'UNREACHABLE') {
    return new ChatError(`No server answers at ${url}. Start one with npm start, or name another one with --url.`)
  }
  const wait = error.retryAfterMs > 0 ? ` Try again in ${Math.ceil(error.retryAfterMs / 1000)} s.` : ''
  return new ChatError(refusalText(error.code, error.message) + wait, { cause: error })
}
