import { defineEntity, p } from '@mikro-orm/core'
import type { UserId } from '../../shared/ids.ts'

const schema = defineEntity({
  name: 'IdempotencyKey',
  tableName: 'idempotency_keys',
  properties: {
    userId: p.bigint('number').$type<UserId>().primary(),
    keyHash: p.blob().primary(),
    requestHash: p.blob(),
    response: p.blob().nullable(),
    claimedUntil: p.datetime(),
    expiresAt: p.datetime(),
  },
})

/** A request that must have its effect once, with its answer when there is one. */
export class IdempotencyKey extends schema.class {}
schema.setClass(IdempotencyKey)
