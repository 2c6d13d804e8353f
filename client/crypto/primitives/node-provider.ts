import * as crypto from 'node:crypto'
import { createOpensslProvider } from './openssl-provider.ts'

/** OpenSSL, for programs that run in Node only. */
export const nodeProvider = createOpensslProvider(crypto)
