import { KEY_BYTES } from '../../client/crypto/bytes.ts'
import { decodeSessionRecord, states } from '../../client/crypto/sessions/session-record.ts'
import { SKIPPED_BYTES } from '../../client/crypto/wire/session-state.ts'
import type { Store, Transaction } from '../../client/node.ts'
import { decodeRecord, prefixes } from '../../client/records.ts'
import { readSelf } from '../../client/secrecy/self.ts'

export interface Secret {
  readonly name: string
  readonly bytes: Uint8Array
}

/** Every private key, pre-key secret and key of a session or chain that a device's store holds now. */
export function readSecrets(store: Store, owner: string): Promise<Secret[]> {
  return store.transaction(async (transaction) => {
    const secrets = [
      ...(await identitySecrets(transaction)),
      ...(await preKeySecrets(transaction)),
      ...(await sessionSecrets(transaction)),
    ]
    return secrets.map(({ name, bytes }) => ({ name: `${owner}: ${name}`, bytes }))
  })
}

async function identitySecrets(transaction: Transaction): Promise<Secret[]> {
  const self = await readSelf(transaction)
  if (self === undefined) throw new Error('The store has no keys')
  const { account, signing, agreement } = self
  if (account === undefined) throw new Error('The store has no account key')
  // Ed25519 secrets stand before their public halves.
  const seedOf = (key: Uint8Array): Uint8Array => key.subarray(0, KEY_BYTES)
  return [
    { name: 'account key', bytes: seedOf(account.secretKey) },
    { name: 'signing key', bytes: seedOf(signing.secretKey) },
    { name: 'agreement key', bytes: agreement.secretKey },
  ]
}

async function preKeySecrets(transaction: Transaction): Promise<Secret[]> {
  const records = await transaction.scan({ prefix: prefixes.allPreKeys, limit: 10_000 })
  return records.map(({ key, value }) => ({ name: key, bytes: decodeRecord(value)!.raw.slice(0, KEY_BYTES) }))
}

async function sessionSecrets(transaction: Transaction): Promise<Secret[]> {
  const secrets: Secret[] = []
  for (const { key, value } of await transaction.scan({ prefix: prefixes.session, limit: 10_000 })) {
    for (const { id, signalRoot, ratchet } of states(decodeSessionRecord(value))) {
      const { rootKey, own, sendingKey, receivingKey, skipped } = ratchet
      const named = { id, signalRoot, rootKey, ratchet: own.secretKey, sendingKey, receivingKey }
      for (const [name, bytes] of Object.entries(named)) {
        if (bytes !== undefined) secrets.push({ name: `${key} ${name}`, bytes })
      }
      for (let at = 0; at < skipped.length; at += SKIPPED_BYTES)
        secrets.push({ name: `${key} skipped`, bytes: skipped.slice(at + KEY_BYTES + 4, at + 2 * KEY_BYTES + 4) })
    }
  }
  return secrets
}
