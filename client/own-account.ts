import type { Arrival } from './arrival.ts'
import { Backups } from './backups.ts'
import type { Clock } from './clock.ts'
import { HistoryTransfer } from './history-transfer.ts'
import type { Ledger } from './ledger.ts'
import { OwnDevices } from './secrecy/own-devices.ts'
import type { Secrecy } from './secrecy/secrecy.ts'

export interface OwnAccountParts {
  readonly url: string
  readonly ledger: Ledger
  readonly clock: Clock
  readonly secrecy: Secrecy
  token(): string
  arrived(arrival: Arrival): void
}

/** What a user does with their account: devices, their history, backups. */
export class OwnAccount {
  readonly devices: OwnDevices
  readonly backups: Backups
  readonly #transfer: HistoryTransfer

  constructor({ url, ledger, clock, secrecy, token, arrived }: OwnAccountParts) {
    const { secrets, ownKeys } = secrecy
    this.#transfer = new HistoryTransfer({ ledger, clock, secrecy, arrived })
    this.backups = new Backups({ url, clock, secrets, ownKeys, token })
    this.devices = new OwnDevices({
      url,
      secrets,
      ownKeys,
      token,
      fetch: (user) => secrecy.fetchList(user),
      linked: (device) => this.#transfer.owe(device),
    })
  }

  connected(): void {
    this.#transfer.connected()
  }

  close(): void {
    this.#transfer.close()
  }
}
