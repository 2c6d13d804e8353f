import { RefusedError, register, verify } from '../../client/node.ts'
import type { Store } from '../../client/node.ts'
import { ChatError } from './chat-error.ts'
import type { Ask } from './choose-account.ts'
import { formatPhone } from './phone.ts'
import { refusalText } from './refusals.ts'

/** Makes the store that of the primary device of a number: asks for the code, and for the PIN where there is one. */
export async function registerDevice(user: number, url: string, store: Store, name: string, ask: Ask): Promise<void> {
  const phone = formatPhone(user)
  try {
    await register(url, phone)
  } catch (error) {
    throw explain(error, url)
  }
  process.stdout.write(`A code was sent to ${phone}. A server started with npm start prints it in its own terminal.\n`)
  let pin: string | undefined
  let code: string | undefined
  for (;;) {
    code ??= await askFor('Code: ', ask)
    try {
      const device = { name, platform: 'terminal' }
      await verify(url, phone, code, { ...device, store, ...(pin === undefined ? {} : { pin }) })
      return
    } catch (error) {
      if (!(error instanceof RefusedError) || (error.code !== 'WRONG_CODE' && error.code !== 'PIN_REQUIRED')) {
        throw explain(error, url)
      }
      process.stdout.write(`${refusalText(error.code, error.message)}\n`)
      if (error.code === 'PIN_REQUIRED') pin = await askFor('PIN: ', ask)
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
