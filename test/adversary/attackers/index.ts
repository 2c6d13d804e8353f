import type { Attacker } from '../attacker.ts'
import { ackAhead, ackFlood } from './acks.ts'
import { controlPings, fragments, unreadPongs } from './control-frames.ts'
import { keyUploads, preKeyDrain } from './keys.ts'
import { deepJson, emptyBatches, unknownFields, unknownFrames, unknownFramesJson } from './odd-frames.ts'
import { pingFloods } from './ping-flood.ts'
import { unwatchFlood, watchAlternation, watchCrowd } from './presence-floods.ts'
import { askedAgain, askedFor, prefixTexts, wrongCodes } from './registrations.ts'
import {
  backupDisk,
  contactsFlood,
  deepBodies,
  httpFlood,
  idempotencyRows,
  identityCheck,
  largeHeaders,
  rendezvousFlood,
  unreadDocuments,
} from './requests.ts'
import {
  largeToMany,
  largeToOne,
  manyCopies,
  receiptFlood,
  sendsToNobody,
  singleReceipts,
  tinyMessages,
  strangersToOne,
  unreadAnswers,
} from './sends.ts'
import { signalsToOthers, signalsToSelf, smallSignals } from './signals.ts'
import { slowBackups, slowBodies, slowHeaders } from './slow-requests.ts'
import {
  badTokens,
  connectionNumbers,
  connectTwice,
  forgedAddresses,
  garbage,
  idleConnections,
  silentSockets,
  takeOvers,
  upgradeStorm,
} from './sockets.ts'

/** All of them, in the order in which they attack. */
export const attackers: readonly Attacker[] = [
  ...pingFloods,
  unwatchFlood,
  watchAlternation,
  watchCrowd,
  unknownFrames,
  unknownFramesJson,
  unknownFields,
  emptyBatches,
  deepJson,
  controlPings,
  unreadPongs,
  fragments,
  ackFlood,
  ackAhead,
  signalsToSelf,
  signalsToOthers,
  smallSignals,
  sendsToNobody,
  manyCopies,
  unreadAnswers,
  receiptFlood,
  singleReceipts,
  tinyMessages,
  largeToOne,
  largeToMany,
  strangersToOne,
  badTokens,
  connectTwice,
  takeOvers,
  connectionNumbers,
  silentSockets,
  upgradeStorm,
  idleConnections,
  garbage,
  forgedAddresses,
  slowBodies,
  slowHeaders,
  slowBackups,
  httpFlood,
  unreadDocuments,
  largeHeaders,
  deepBodies,
  idempotencyRows,
  identityCheck,
  rendezvousFlood,
  backupDisk,
  contactsFlood,
  preKeyDrain,
  keyUploads,
  wrongCodes,
  askedFor,
  askedAgain,
  prefixTexts,
]
