import { defineEntity, p } from '@mikro-orm/core'
import type { UserId } from '../../shared/ids.ts'

const schema = defineEntity({
  name: 'Registration',
  tableName: 'registrations',
  properties: {
    userId: p.bigint('number').$type<UserId>().primary(),
    codeSalt: p.blob(),
    codeHash: p.blob(),
    triesLeft: p.smallint(),
    expiresAt: p.datetime(),
    claimedUntil: p.datetime().nullable(),
  },
})

/** A verification code that was sent and not yet used up. */
export class Registration extends schema.class {}
schema.setClass(Registration)
