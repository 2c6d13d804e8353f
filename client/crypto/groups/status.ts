import { equal, isZero } from '../bytes.ts'
import type { SenderKeyDistribution } from '../wire/sender-key-distribution.ts'
import { statusIdOf } from './group-ids.ts'

/** Whether it is a chain for the status posts of this user. A group's id is never that, nor its state's hash zero. */
export function isStatusDistribution({ groupId, groupStateHash }: SenderKeyDistribution, author: number): boolean {
  return isZero(groupStateHash) && equal(groupId, statusIdOf(author))
}
