import type { FirstKeys } from '../../client/secrecy/key-server.ts'
import type { Events } from '../shared/events.ts'
import type { Address, DeviceId, UserId } from '../shared/ids.ts'
import { RefusalError } from '../shared/refusal.ts'
import type { Accounts, NewDevice, NewDeviceKeys, Registered } from '../storage/accounts.ts'
import type { Backups } from '../storage/backups.ts'
import type { Asked, Asking, Registrations } from '../storage/registrations.ts'
import { matchesSecret } from '../storage/secret-hash.ts'
import type { Budgets } from './budgets.ts'
import type { HostedAccounts } from './hosted/hosted-accounts.ts'
import type { KeyChecks } from './key-checks.ts'
import type { RegistrationKeysField } from './key-fields.ts'
import { refusingKeys } from './list-refusals.ts'
import type { SmsBudget } from './sms-budget.ts'
import type { SmsSender } from './sms-sender.ts'

export interface RegistrarParts {
  readonly accounts: Accounts
  readonly registrations: Registrations
  readonly backups: Backups
  readonly checks: KeyChecks
  readonly budgets: Budgets
  readonly smsBudget: SmsBudget
  /** Others shall hear that the account has another key than before. */
  readonly onNewIdentity: (user: UserId) => void
  readonly sms: SmsSender
  readonly events: Events
  /** undefined: the server holds no keys of devices. */
  readonly hosted: HostedAccounts | undefined
}

/** What somebody gives to register a device. */
export interface Attempt {
  readonly code: string
  /** The secret of the asking; undefined: a client that keeps none. */
  readonly session?: string | undefined
  readonly pin?: string | undefined
  /** The account's backup must have this id. */
  readonly backupId?: Uint8Array | undefined
  readonly device: NewDevice
  readonly keys?: RegistrationKeysField | undefined
}

const BUSY_RETRY_MS = 1_000
const PRIMARY = 1 as DeviceId

/** Registers devices: a code goes to the phone, and whoever knows it is the user. */
export class Registrar {
  readonly #parts: RegistrarParts

  constructor(parts: RegistrarParts) {
    this.#parts = parts
  }

  /**
   * Sends a code. One that the gateway does not take counts for no limit, and earlier ones stay in force. Where no more
   * may be sent, whoever asks shares the newest code that the phone has.
   * @throws RefusalError: RATE_LIMITED, SMS_FAILED
   */
  async ask(user: UserId, clientAddress: string): Promise<Asked> {
    const { registrations, budgets, smsBudget, events } = this.#parts
    await registrations.probe(user)
    const asking = [
      ...budgets.ofAddress('registrationPerAddress', clientAddress),
      budgets.ofPair('registrationPerPhoneAndAddress', user, clientAddress),
      budgets.of('askingsPerPhone', user),
    ]
    await budgets.require(asking)
    const costs = smsBudget.bucketsFor(user)
    const sending = [budgets.of('registrationPerPhone', user), ...costs]
    const answer = await budgets.take(sending)
    if (answer.taken) {
      smsBudget.note(costs, answer.left.slice(1))
      return this.#send(user, [...asking, ...sending])
    }
    smsBudget.noteEmpty(answer.empty)
    const shared = await registrations.share(user)
    if (shared === undefined) {
      await budgets.giveBack(asking)
      throw budgets.refuse(answer)
    }
    events.codeShared(user)
    return shared
  }

  async #send(user: UserId, taken: Parameters<Budgets['giveBack']>[0]): Promise<Asked> {
    const { registrations, budgets, sms, events } = this.#parts
    const code = registrations.createCode()
    try {
      await sms.send(`+${user}`, `${code} is your Parley code`)
    } catch (cause) {
      await budgets.giveBack(taken)
      events.codeNotSent(user, cause)
      throw new RefusalError('SMS_FAILED', 'The text message could not be sent: try again later', { cause })
    }
    const asked = await registrations.store(user, code)
    events.codeSent(user)
    return asked
  }

  /**
   * @throws RefusalError: WRONG_CODE, PIN_REQUIRED, RATE_LIMITED, OVERLOADED, HOSTED_DISABLED, NOT_FOUND for a wrong
   * `backupId`; of keys BAD_SIGNATURE, EPOCH_CONFLICT … But for a wrong code or PIN the same code serves again.
   */
  async verify(user: UserId, attempt: Attempt, clientAddress: string): Promise<Registered> {
    const { registrations, events, hosted } = this.#parts
    if (attempt.device.hosted && hosted === undefined) {
      throw new RefusalError('HOSTED_DISABLED', 'This server can hold no keys of devices: it has no MASTER_KEY')
    }
    if (attempt.device.hosted && attempt.keys !== undefined) {
      throw new RefusalError('BAD_REQUEST', 'The server makes the keys of a hosted device')
    }
    const { asking, pinHash } = await this.#requireCode(user, attempt, clientAddress)
    if (pinHash !== undefined) await this.#requirePin(user, attempt, { asking, pinHash }, clientAddress)
    const claim = await registrations.claim(user, asking)
    if (claim === 'gone') throw this.#wrongCode(user, 0)
    if (claim === 'busy') {
      events.verificationRefused(user, 'busy')
      const retryAfterMs = BUSY_RETRY_MS
      throw new RefusalError('OVERLOADED', 'This number is being registered right now', { retryAfterMs })
    }
    try {
      return await this.#register(user, attempt)
    } catch (error) {
      await registrations.unclaim(user).catch(() => undefined)
      throw error
    }
  }

  /** Tries count on the session; without one by number and address, where those of others count too. */
  async #requireCode(
    user: UserId,
    { code, session }: Attempt,
    clientAddress: string,
  ): Promise<{ readonly asking: Asking; readonly pinHash: string | undefined }> {
    const { registrations, budgets } = this.#parts
    const byAddress = budgets.ofAddress('verifyPerAddress', clientAddress)
    const counted = session === undefined ? [...byAddress, budgets.of('verifyPerPhone', user)] : []
    await budgets.require(counted)
    const answer = await registrations.tryCode(user, code, session)
    if (answer.outcome === 'right') {
      await budgets.giveBack(counted)
      return answer
    }
    if (answer.outcome === 'wrong') throw this.#wrongCode(user, answer.triesLeft)
    await budgets.require(byAddress)
    throw this.#wrongCode(user, 0)
  }

  /** A try is taken before the PIN is looked at, so that many at a time are no more than one after the other. */
  async #requirePin(
    user: UserId,
    { pin, session }: Attempt,
    { asking, pinHash }: { readonly asking: Asking; readonly pinHash: string },
    clientAddress: string,
  ): Promise<void> {
    const { registrations, budgets, events } = this.#parts
    if (pin === undefined) {
      events.verificationRefused(user, 'pin required')
      throw new RefusalError('PIN_REQUIRED', 'This account has a registration PIN: send it as "pin"')
    }
    const counted = [budgets.ofPair('pinPerPhoneAndAddress', user, clientAddress), budgets.of('pinPerPhone', user)]
    await budgets.require(counted)
    const triesLeft = session === undefined ? undefined : await registrations.takeTry(user, asking)
    if (session !== undefined && triesLeft === undefined) {
      await budgets.giveBack(counted)
      throw this.#wrongCode(user, 0)
    }
    if (await matchesSecret(pin, pinHash)) {
      await budgets.giveBack(counted)
      if (session !== undefined) await registrations.giveTryBack(user, asking)
      return
    }
    events.verificationRefused(user, 'wrong pin')
    const details = triesLeft === undefined ? {} : { details: { triesLeft } }
    throw new RefusalError('PIN_REQUIRED', 'The registration PIN is wrong', details)
  }

  async #register(user: UserId, { device, keys, backupId }: Attempt): Promise<Registered> {
    const { accounts, backups, checks, events, hosted, onNewIdentity } = this.#parts
    if (backupId !== undefined && !(await backups.has(user, backupId))) {
      throw new RefusalError('NOT_FOUND', 'There is no backup under this backupId: nothing was registered')
    }
    const address: Address = { user, device: PRIMARY }
    const prepared = device.hosted ? await hosted?.prepare(address) : undefined
    const given = prepared === undefined ? keys : toKeysField(prepared.keys)
    const checked: NewDeviceKeys | undefined = given && (await checks.registrationKeys(user, device.hosted, given))
    const registered = await refusingKeys(() => accounts.registerPrimary(user, device, checked))
    if (prepared !== undefined) await hosted?.install(address, prepared)
    if (registered.newIdentity) onNewIdentity(user)
    events.registered(user, registered.again, device.hosted)
    return registered
  }

  #wrongCode(user: UserId, triesLeft: number | undefined): RefusalError {
    this.#parts.events.verificationRefused(user, 'wrong code')
    if (triesLeft === undefined) return new RefusalError('WRONG_CODE', 'The code is wrong, expired or used up')
    const more = triesLeft > 0 ? `${triesLeft} tries are left` : 'ask for a new one'
    return new RefusalError('WRONG_CODE', `The code is wrong, expired or used up: ${more}`, { details: { triesLeft } })
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
