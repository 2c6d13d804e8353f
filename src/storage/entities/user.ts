import { defineEntity, p } from '@mikro-orm/core'
import type { UserId } from '../../shared/ids.ts'

const schema = defineEntity({
  name: 'User',
  tableName: 'users',
  properties: {
    userId: p.bigint('number').$type<UserId>().primary(),
    name: p.text(),
    about: p.text(),
    pinHash: p.text().nullable(),
    pinSetAt: p.datetime().nullable(),
    createdAt: p.datetime(),
    lastSeenTo: p.text().default('everyone'),
  },
})

/** A person's account. */
export class User extends schema.class {}
schema.setClass(User)
