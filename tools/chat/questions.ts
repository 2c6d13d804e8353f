import { parseDigits } from 'libphonenumber-js/min'
import { parseRecoveryKey } from '../../client/crypto/backup/recovery-key.ts'
import { ChatError } from './chat-error.ts'
import type { Ask } from './choose-account.ts'

const CODE_DIGITS = 6
const KEY_CHARACTERS = 64
const MAX_PIN = 64

/** The code of a text message: with blanks and hyphens, in the digits of any script, or the whole message. */
export async function askCode(ask: Ask): Promise<string> {
  for (;;) {
    const code = readCode(await askFor('Code: ', ask))
    if (code !== undefined) return code
  }
}

/** The same after one was wrong; undefined: the person wants another one to be sent. */
export async function askOtherCode(ask: Ask): Promise<string | undefined> {
  for (;;) {
    const typed = (await askOnce('Code (or Enter for a new one): ', ask)).trim()
    const code = typed === '' ? undefined : readCode(typed)
    if (typed === '' || code !== undefined) return code
  }
}

/** Says so where it is none. */
function readCode(typed: string): string | undefined {
  const code = parseDigits(typed.normalize('NFKC'))
  if (code.length === CODE_DIGITS) return code
  print(`A code has ${CODE_DIGITS} digits, and that had ${code.length}. Look at the message again.`)
  return undefined
}

/** The PIN of an account. */
export async function askPin(ask: Ask): Promise<string> {
  for (;;) {
    const pin = (await askFor('PIN: ', ask)).replaceAll(/\s/g, '')
    if (pin.length <= MAX_PIN) return pin
    print(`A PIN has at most ${MAX_PIN} characters.`)
  }
}

/** A recovery key, in parts too: it stands on two lines, and a part that is there is not asked for again. */
export async function askRecoveryKey(ask: Ask): Promise<string> {
  let begun = ''
  for (;;) {
    const typed = (await askFor(begun === '' ? 'Recovery key: ' : 'The rest of it: ', ask)).replaceAll(/[\s-]/g, '')
    const strange = /[^0-9a-z]/iu.exec(typed)?.[0]
    const whole = [typed, begun + typed].find(({ length }) => length === KEY_CHARACTERS)
    if (strange !== undefined) print(`${notAKey}: ${strange} is not one of them. Type that again.`)
    else if (whole !== undefined) return parseRecoveryKey(whole)
    else {
      const together = begun + typed
      if (together.length < KEY_CHARACTERS) begun = together
      print(`${notAKey}: that had ${together.length}. ${adviceOn(begun)}`)
    }
  }
}

/** Until the person wants to try again. */
export async function waitForEnter(why: string, ask: Ask): Promise<void> {
  if ((await ask(`${why}\nPress Enter to try again: `)) === undefined) throw new ChatError(`\n${why}`)
}

const notAKey = `Not a recovery key of ${KEY_CHARACTERS} letters and digits`

function adviceOn(begun: string): string {
  return begun === '' ? 'Type all of it again.' : `Type what comes after …${begun.slice(-4)}, or all of it again.`
}

async function askFor(question: string, ask: Ask): Promise<string> {
  for (;;) {
    const answer = await askOnce(question, ask)
    if (answer.trim() !== '') return answer
  }
}

async function askOnce(question: string, ask: Ask): Promise<string> {
  const answer = await ask(question)
  if (answer === undefined) throw new ChatError('Registration was not finished.')
  return answer
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
