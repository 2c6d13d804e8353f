import { decryptFile } from '../../client/crypto/files/decrypt-file.ts'
import { FileEncryption } from '../../client/crypto/files/encrypt-file.ts'
import { openFromGroup, receiveDistribution } from '../../client/crypto/groups/received-chain.ts'
import { distributionOf, newSenderChain, sealForGroup } from '../../client/crypto/groups/sender-chain.ts'
import type { Primitives } from '../../client/crypto/primitives/primitives.ts'

const FILE_BYTES = 32 * 1024 * 1024
const GROUP_MESSAGES = 50
const SENDER = { user: 15_550_000_001, device: 1 }

/** Encrypting and opening a message of a group, in ms each. */
export async function measureGroup(primitives: Primitives): Promise<{ seal: number; open: number }> {
  const position = { groupId: new Uint8Array(16).fill(1), epoch: 1, stateHash: new Uint8Array(32) }
  let own = newSenderChain(primitives, SENDER, position, new Set(), 0)
  let theirs = receiveDistribution([], SENDER, distributionOf(own), 0).added
  const messages: Uint8Array[] = []
  const sealing = performance.now()
  for (let i = 0; i < GROUP_MESSAGES; i++) {
    const { chain, message } = await sealForGroup(primitives, own, new Uint8Array(76))
    own = chain
    messages.push(message)
  }
  const opening = performance.now()
  for (const message of messages) theirs = (await openFromGroup(primitives, theirs, SENDER, message, 0)).chain
  const end = performance.now()
  return { seal: (opening - sealing) / GROUP_MESSAGES, open: (end - opening) / GROUP_MESSAGES }
}

/** Encrypting and decrypting a file of 32 MiB, in MiB/s. */
export async function measureFile(): Promise<{ encrypt: number; decrypt: number }> {
  const content = new Uint8Array(FILE_BYTES)
  const encryption = new FileEncryption(pieces(content))
  const blob: Uint8Array[] = []
  const encrypting = performance.now()
  for await (const piece of encryption.blob()) blob.push(piece)
  const decrypting = performance.now()
  let size = 0
  for await (const piece of decryptFile(pieces(...blob), encryption.descriptor)) size += piece.length
  const end = performance.now()
  if (size !== FILE_BYTES) throw new Error('It did not open')
  const rate = (ms: number): number => FILE_BYTES / 1024 / 1024 / (ms / 1_000)
  return { encrypt: rate(decrypting - encrypting), decrypt: rate(end - decrypting) }
}

async function* pieces(...parts: readonly Uint8Array[]): AsyncGenerator<Uint8Array, void, undefined> {
  yield* parts
}
