import type { FirstKeys } from '../../client/secrecy/key-server.ts'
import type { Events } from '../shared/events.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Accounts, NewDevice, NewDeviceKeys } from '../storage/accounts.ts'
import type { Registrations } from '../storage/registrations.ts'
import type { HostedAccounts } from './hosted/hosted-accounts.ts'
import type { KeyChecks } from './key-checks.ts'
import type { RegistrationKeysField } from './key-fields.ts'
import type { Limiters } from './limiters.ts'
import { refusingKeys } from './list-refusals.ts'
import type { SmsSender } from './sms-sender.ts'

export interface RegistrarParts {
  readonly accounts: Accounts
  readonly registrations: Registrations
  readonly checks: KeyChecks
  readonly limiters: Limiters
  /** Others shall hear that the account has another key than before. */
  readonly onNewIdentity: (user: UserId) => void
  readonly sms: SmsSender
  readonly events: Events
  /** undefined: the server holds no keys of devices. */
  readonly hosted: HostedAccounts | undefined
}

const BUSY_RETRY_MS = 1_000
const PRIMARY = 1 as DeviceId

/** Registers devices: a code goes to the phone, and whoever knows it is the user. */
export class Registrar {
  readonly #parts: RegistrarParts

  constructor(parts: RegistrarParts) {
    this.#parts = parts
  }

  /** Sends a code. One that the gateway does not take counts for no limit, and leaves an earlier code in force. */
  async sendCode(user: UserId, clientAddress: string): Promise<void> {
    const { registrations, limiters, sms, events } = this.#parts
    limiters.require('registrationPerAddress', clientAddress)
    limiters.require('registrationPerPhone', user)
    const giveBack = () => {
      limiters.giveBack('registrationPerAddress', clientAddress)
      limiters.giveBack('registrationPerPhone', user)
    }
    await registrations.probe(user).catch((error: unknown) => {
      giveBack()
      throw error
    })
    const code = registrations.createCode()
    try {
      await sms.send(`+${user}`, `${code} is your Parley code`)
    } catch (cause) {
      giveBack()
      events.codeNotSent(user, cause)
      throw new RefusalError('SMS_FAILED', 'The text message could not be sent: try again later', { cause })
    }
    await registrations.store(user, code)
    events.codeSent(user)
  }

  /** @throws RefusalError: WRONG_CODE, PIN_REQUIRED, RATE_LIMITED, OVERLOADED, HOSTED_DISABLED; of keys BAD_SIGNATURE, EPOCH_CONFLICT … */
  async verify(
    user: UserId,
    attempt: {
      readonly code: string
      readonly pin: string | undefined
      readonly device: NewDevice
      readonly keys?: RegistrationKeysField | undefined
    },
    clientAddress: string,
  ): Promise<{ address: Address; token: string }> {
    const { accounts, registrations, checks, limiters, events, hosted } = this.#parts
    if (attempt.device.hosted && hosted === undefined) {
      throw new RefusalError('HOSTED_DISABLED', 'This server can hold no keys of devices: it has no MASTER_KEY')
    }
    if (attempt.device.hosted && attempt.keys !== undefined) {
      throw new RefusalError('BAD_REQUEST', 'The server makes the keys of a hosted device')
    }
    limiters.require('verifyPerAddress', clientAddress)
    limiters.require('verifyPerPhone', user)
    const answer = await registrations.claim(user, attempt.code, attempt.pin)
    if (answer.outcome !== 'claimed') {
      events.verificationRefused(user, answer.outcome)
      throw toRefusal(answer)
    }
    try {
      const { device } = attempt
      const address: Address = { user, device: PRIMARY }
      const prepared = device.hosted ? await hosted?.prepare(address) : undefined
      const keys = prepared === undefined ? attempt.keys : toKeysField(prepared.keys)
      const checked: NewDeviceKeys | undefined = keys && (await checks.registrationKeys(user, device.hosted, keys))
      const registered = await refusingKeys(() => accounts.registerPrimary(user, device, checked))
      if (prepared !== undefined) await hosted?.install(address, prepared)
      if (registered.newIdentity) this.#parts.onNewIdentity(user)
      events.registered(user, registered.again, attempt.device.hosted)
      return registered
    } catch (error) {
      await registrations.unclaim(user).catch(() => undefined)
      throw error
    }
  }
}

function toKeysField({ certificate, list, signedPreKey, lastResort, ...rest }: FirstKeys): RegistrationKeysField {
  const { oneTimePreKeys, kemPreKeys } = rest
  return {
    cert: certificate,
    list,
    spk: signedPreKey,
    pqLast: lastResort,
    opks: [...oneTimePreKeys],
    pqOpks: [...kemPreKeys],
  }
}

function toRefusal(answer: Exclude<Awaited<ReturnType<Registrations['claim']>>, { outcome: 'claimed' }>): RefusalError {
  switch (answer.outcome) {
    case 'wrong code': {
      const { triesLeft } = answer
      const more = triesLeft > 0 ? `${triesLeft} tries are left` : 'ask for a new one'
      return new RefusalError('WRONG_CODE', `The code is wrong, expired or used up: ${more}`, {
        details: { triesLeft },
      })
    }
    case 'pin required':
      return new RefusalError('PIN_REQUIRED', 'This account has a registration PIN: send it as "pin"')
    case 'wrong pin':
      return new RefusalError('PIN_REQUIRED', 'The registration PIN is wrong', {
        details: { triesLeft: answer.triesLeft },
      })
    case 'busy':
      return new RefusalError('OVERLOADED', 'This number is being registered right now', {
        retryAfterMs: BUSY_RETRY_MS,
      })
    default:
      return answer satisfies never
  }
}
