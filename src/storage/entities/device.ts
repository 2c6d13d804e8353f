import { defineEntity, p } from '@mikro-orm/core'
import type { DeviceId, UserId } from '../../shared/ids.ts'

const schema = defineEntity({
  name: 'Device',
  tableName: 'devices',
  properties: {
    userId: p.bigint('number').$type<UserId>().primary(),
    device: p.smallint().$type<DeviceId>().primary(),
    registration: p.uuid(),
    registrationId: p.integer(),
    tokenHash: p.blob(),
    connectionNumber: p.bigint('number'),
    name: p.text(),
    platform: p.text(),
    hosted: p.boolean(),
    createdAt: p.datetime(),
    lastUsedAt: p.datetime(),
  },
})

/** One installation of a user. `registration` differs each time its place is taken by a newly registered one. */
export class Device extends schema.class {}
schema.setClass(Device)
