import { randomBytes, scrypt, type ScryptOptions, timingSafeEqual } from 'node:crypto'
import { promisify } from 'node:util'

const derive = promisify<string, Buffer, number, ScryptOptions, Buffer>(scrypt)

/** RFC 7914: cost, block size and parallelization; about 50 ms. */
const COST = 2 ** 14
const BLOCK_SIZE = 8
const PARALLELIZATION = 1
const HASH_BYTES = 32

/** A slow hash of a short secret, with its salt and parameters, as text. */
export async function hashSecret(secret: string): Promise<string> {
  const salt = randomBytes(16)
  const hash = await derive(secret, salt, HASH_BYTES, { N: COST, r: BLOCK_SIZE, p: PARALLELIZATION })
  return ['scrypt', COST, BLOCK_SIZE, PARALLELIZATION, salt.toString('base64'), hash.toString('base64')].join('$')
}

export async function matchesSecret(secret: string, stored: string): Promise<boolean> {
  const [, cost, blockSize, parallelization, salt = '', hash = ''] = stored.split('$')
  const expected = Buffer.from(hash, 'base64')
  const options = { N: Number(cost), r: Number(blockSize), p: Number(parallelization) }
  const actual = await derive(secret, Buffer.from(salt, 'base64'), expected.length, options)
  return timingSafeEqual(actual, expected)
}
