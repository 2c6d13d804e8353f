import { hex } from '../../../../client/crypto/bytes.ts'
import { distributionOf, newSenderChain, sealForGroup } from '../../../../client/crypto/groups/sender-chain.ts'
import { encodeSenderKeyDistribution } from '../../../../client/crypto/wire/sender-key-distribution.ts'
import { encodeSenderKeyState } from '../../../../client/crypto/wire/sender-key-state.ts'
import { ascii } from '../helpers/bytes.ts'
import { NOW, primitives } from '../helpers/people.ts'
import { withSeed } from '../helpers/seeded-random.ts'

export interface SenderKeyVector {
  readonly user: string
  readonly device: number
  readonly nowMs: number
  readonly signingSeed: string
  readonly distribution: string
  readonly messages: readonly { readonly text: string; readonly message: string }[]
  /** The sender's chain after them. */
  readonly state: string
}

const SENDER = { user: 15_550_000_001, device: 2 }

export async function senderKeyVectors(): Promise<SenderKeyVector[]> {
  const { result } = await withSeed('sender key', async () => {
    const position = { groupId: new Uint8Array(16).fill(7), epoch: 3, stateHash: new Uint8Array(32).fill(9) }
    let chain = newSenderChain(primitives, SENDER, position, new Set(), NOW)
    const distribution = hex(encodeSenderKeyDistribution(distributionOf(chain)))
    const messages: { text: string; message: string }[] = []
    for (const text of ['to all', '', 'w'.repeat(200)]) {
      const sealed = await sealForGroup(primitives, chain, ascii(text))
      chain = sealed.chain
      messages.push({ text, message: hex(sealed.message) })
    }
    const { signingSeed } = chain
    return { signingSeed: hex(signingSeed ?? new Uint8Array()), distribution, messages, chain }
  })
  const { signingSeed, distribution, messages, chain } = result
  const state = hex(encodeSenderKeyState(chain))
  return [{ user: String(SENDER.user), device: SENDER.device, nowMs: NOW, signingSeed, distribution, messages, state }]
}
