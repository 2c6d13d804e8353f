import { ParleyError } from '../../client/index.ts'
import type { Client, KnownKeys } from '../../client/index.ts'
import type { SecurityCommand } from './commands.ts'
import { backupPage } from './backup-page.ts'
import { devicesPage, nameOf } from './devices-page.ts'
import type { Page } from './page.ts'
import { safetyPage } from './safety-page.ts'
import { findLinkingText, refusalText } from './refusals.ts'
import { formatDigits } from './words.ts'

/** Where answers are shown, and questions are asked. */
export interface SecurityScreen {
  show(page: Page): void
  say(line: string): void
  /** Whether the person says yes. */
  confirm(page: Page): Promise<boolean>
  /** What the person calls somebody, */
  nameOf(user: number): string
  /** and the number beside it. */
  fullNameOf(user: number): string
}

const PRIMARY = 1

/** Keys of others, own devices and backups: does what is typed. */
export class Security {
  readonly #client: Client
  readonly #server: string
  readonly #screen: SecurityScreen
  /** The safety numbers that were looked at: others cannot be called verified. */
  readonly #seen = new Map<number, string>()
  #isLinking = false

  /** @param server - the name of the server, for people */
  constructor(client: Client, server: string, screen: SecurityScreen) {
    this.#client = client
    this.#server = server
    this.#screen = screen
  }

  /** @param peer - of the open chat */
  async run(command: SecurityCommand, peer: number | undefined): Promise<void> {
    try {
      await this.#do(command, peer)
    } catch (error) {
      if (!(error instanceof ParleyError)) throw error
      const linking = command.type === 'link' ? findLinkingText(error.code) : undefined
      this.#screen.say(linking ?? `That did not work: ${refusalText(error.code, error.message)}`)
    }
  }

  async #do(command: SecurityCommand, peer: number | undefined): Promise<void> {
    switch (command.type) {
      case 'devices':
        return this.#showDevices()
      case 'removeDevice':
        return this.#removeDevice(command.device)
      case 'link':
        return this.#link(command.code)
      case 'backup':
        return this.#backUp()
      case 'safety': {
        if (peer === undefined) return this.#screen.say('Open a chat first: /to and a phone number')
        const keys = await this.#client.trust.ask(peer)
        return this.#safety(command.action, keys)
      }
      default:
        return command satisfies never
    }
  }

  async #safety(action: 'show' | 'verified' | 'unverified' | 'accept', keys: KnownKeys): Promise<void> {
    const { trust } = this.#client
    const { user, safetyNumber } = keys
    const who = this.#screen.nameOf(user)
    switch (action) {
      case 'show':
        this.#seen.set(user, safetyNumber)
        return this.#screen.show(safetyPage(keys, this.#screen.fullNameOf(user), this.#server))
      case 'verified': {
        if (this.#seen.get(user) !== safetyNumber) {
          await this.#safety('show', keys)
          return this.#screen.say('Compare these digits first, then type /safety verified again')
        }
        await trust.setVerified(user, true)
        // Who has compared the digits wants to go on; a fork is about devices, which the digits do not show.
        if (keys.changed && !keys.forked) await trust.accept(user)
        return this.#screen.say(`The keys of ${who} are verified`)
      }
      case 'unverified':
        await trust.setVerified(user, false)
        return this.#screen.say(`The keys of ${who} are not verified any more`)
      case 'accept':
        if (!keys.changed && !keys.forked) return this.#screen.say(`The keys of ${who} have not changed`)
        await trust.accept(user)
        return this.#screen.say(`The keys of ${who} are accepted: what waited is sent`)
      default:
        return action satisfies never
    }
  }

  async #showDevices(): Promise<void> {
    const devices = await this.#client.devices.list()
    this.#screen.show(devicesPage(devices, this.#client.address?.device === PRIMARY, Date.now()))
  }

  async #removeDevice(number: number): Promise<void> {
    const devices = await this.#client.devices.list()
    const device = devices.find((one) => one.device === number)
    if (device === undefined) return this.#screen.say(`There is no device ${number}: see /devices`)
    if (device.current) return this.#screen.say('This device cannot remove itself')
    const lines = [
      `Remove device ${number}, ${nameOf(device)}?`,
      '',
      'It gets nothing more and must be linked again. What it has already, it keeps.',
      '',
      'Type y or n.',
    ]
    if (!(await this.#screen.confirm({ lines }))) return this.#screen.say('Nothing was removed')
    await this.#client.devices.remove(number)
    return this.#screen.say(`Device ${number} is removed`)
  }

  async #backUp(): Promise<void> {
    const { backups, address } = this.#client
    const recoveryKey = await backups.enable()
    this.#screen.say('The backup is on its way…')
    await backups.save()
    this.#screen.say('The backup is stored')
    this.#screen.show(backupPage(address?.user ?? 0, recoveryKey))
  }

  async #link(code: string): Promise<void> {
    if (this.#isLinking) return this.#screen.say('Another device is being linked')
    this.#isLinking = true
    try {
      this.#screen.say('Waiting for the new device…')
      let name = ''
      const device = await this.#client.devices.link(code, (request) => {
        name = nameOf(request)
        const lines = [
          `Link ${name} to your account?`,
          '',
          `Both devices must show the same digits:  ${formatDigits(request.digits)}`,
          '',
          'It will read your messages, earlier ones too, and write in your name.',
          ...(request.hosted
            ? ['✗ It is hosted: the operator of the server can read all that it gets and sends.']
            : []),
          '',
          'Type y if the digits are the same and you started it yourself; else n.',
        ]
        return this.#screen.confirm({ lines })
      })
      this.#screen.say(`Linked: ${name} is device ${device}. It gets your earlier messages, too.`)
    } finally {
      this.#isLinking = false
    }
  }
}
