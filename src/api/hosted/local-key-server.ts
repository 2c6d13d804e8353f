import type { KeyServer, KeyStock, ListedKeys, NewKeys, TakenKeys } from '../../../client/secrecy/key-server.ts'
import { RefusedError } from '../../../client/errors.ts'
import type { Hints } from '../../actors/hints.ts'
import type { Address, DeviceId, UserId } from '../../shared/ids.ts'
import { nobodyIs } from '../../shared/phone-number.ts'
import type { Accounts } from '../../storage/accounts.ts'
import type { DeviceLists } from '../../storage/device-lists.ts'
import type { PreKeyTake } from '../../storage/pre-key-take.ts'
import type { PreKeys } from '../../storage/pre-keys.ts'
import type { KeyChecks } from '../key-checks.ts'
import type { Lookups } from '../lookups.ts'

export interface LocalKeyServerParts {
  readonly accounts: Accounts
  readonly preKeys: PreKeys
  readonly take: PreKeyTake
  readonly lists: DeviceLists
  readonly checks: KeyChecks
  readonly hints: Hints
  readonly lookups: Lookups
}

/** The server's part in keys, for a device that lives in this node: the same rules as over HTTP. */
export class LocalKeyServer implements KeyServer {
  readonly #parts: LocalKeyServerParts
  readonly #self: Address

  constructor(parts: LocalKeyServerParts, self: Address) {
    this.#parts = parts
    this.#self = self
  }

  async lists(user: number, since: number): Promise<ListedKeys> {
    this.#countLookup(user)
    const lists: Uint8Array[] = []
    for (;;) {
      const known = since + lists.length
      const chain = await this.#parts.lists.findChain(user as UserId, known === 0 ? undefined : known)
      if (chain === undefined) throw new RefusedError('UNKNOWN_USER', nobodyIs(user), false)
      if (chain.lists.length === 0) throw new RefusedError('NO_KEYS', 'This user has no device list', false)
      lists.push(...chain.lists)
      if (!chain.more) return { lists, certificates: chain.certs }
    }
  }

  async take(user: number, devices: readonly number[]): Promise<readonly TakenKeys[]> {
    const { take, hints } = this.#parts
    this.#countLookup(user)
    const taken = await take.take({ by: this.#self, of: user as UserId, devices: devices as readonly DeviceId[] })
    switch (taken.outcome) {
      case 'unknown user':
        throw new RefusedError('UNKNOWN_USER', nobodyIs(user), false)
      case 'no keys':
        throw new RefusedError('NO_KEYS', 'No device of this user has keys', false)
      case 'limited':
        throw new RefusedError('RATE_LIMITED', 'Too many requests (limit preKeys)', true, taken.retryAfterMs)
      case 'taken':
        for (const { address, counts } of taken.low) {
          hints.send(address, { keysLow: { opk: counts.oneTime, pqOpk: counts.kemOneTime } })
        }
        return taken.bundles.map(({ device, cert, signed, oneTime, kem, kemOneTime }) => ({
          device,
          certificate: cert,
          signedPreKey: signed,
          oneTimePreKey: oneTime,
          kemPreKey: kem,
          kemOneTime,
        }))
      default:
        return taken satisfies never
    }
  }

  /** A node's own devices tell no more than a request over HTTP would. */
  #countLookup(user: number): void {
    if (user === this.#self.user) return
    const decision = this.#parts.lookups.spend(this.#self.user)
    if (decision.ok) return
    throw new RefusedError('RATE_LIMITED', 'Too many requests (limit lookups)', true, decision.retryAfterMs)
  }

  async put({ signedPreKey, lastResort, oneTimePreKeys, kemPreKeys }: NewKeys): Promise<void> {
    const { preKeys, checks } = this.#parts
    const cert = await preKeys.findCert(this.#self)
    if (cert === undefined) throw new RefusedError('NO_KEYS', 'No device list names this device yet', false)
    const fields = { spk: signedPreKey, pqLast: lastResort, opks: [...oneTimePreKeys], pqOpks: [...kemPreKeys] }
    await preKeys.put(this.#self, await checks.preKeys(cert, fields))
  }

  async stock(): Promise<KeyStock> {
    const { oneTime, kemOneTime } = await this.#parts.preKeys.count(this.#self)
    return { oneTimePreKeys: oneTime, kemPreKeys: kemOneTime }
  }

  async putList(list: Uint8Array, certificates: readonly Uint8Array[]): Promise<void> {
    const { accounts, checks } = this.#parts
    const { user } = this.#self
    const [signed, certs] = await checks.list(user, list, certificates)
    await accounts.putList(user, signed, certs)
  }
}
