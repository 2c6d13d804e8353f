import { NO_FAULTS } from './config.ts'
import { Op, makeEvent, opOf } from './events.ts'
import type { Random } from './random.ts'
import { possibleEvents, possibleFaults } from './schedule.ts'
import type { World } from './world.ts'

const MAX_STEPS = 4_000
const POLLS = 3

/** Faults stop, and everything runs until nothing more can happen; then what was promised must hold. */
export function comeToRest(world: World, random: Random | undefined): void {
  if (world.verbose) world.lines.push('--- faults stop, everything runs to rest')
  endFaults(world)
  let polls = 0
  for (let step = 0; world.violation === undefined; step++) {
    if (step > MAX_STEPS) return world.violate('LIVE', 'it does not come to rest')
    const events = possibleEvents(world, true)
    if (events.length > 0) {
      world.perform(events[random?.int(events.length) ?? 0]!)
    } else if (!whatTimeBrings(world)) {
      if (!world.config.repairs.poll || polls === POLLS) return checkPromises(world)
      polls++
      pollAll(world)
    }
  }
}

function endFaults(world: World): void {
  for (const { index, frozen } of world.nodes) if (frozen) world.perform(makeEvent(Op.THAW, index))
  Object.assign(world.budgets, NO_FAULTS)
  for (const node of world.nodes) {
    node.refusals = 0
    if (node.up && !node.joined) world.perform(makeEvent(Op.JOIN, node.index))
  }
}

/** Requests that nobody answers, and sockets that nobody holds, end one day, and whoever waits for room tries again. */
function whatTimeBrings(world: World): boolean {
  const node = world.nodes.find(({ up, requests }) => up && requests.size > 0)
  const event = node ? makeEvent(Op.TIMEOUT, node.index) : possibleFaults(world).find((fault) => opOf(fault) === Op.EOF)
  if (event !== undefined) {
    world.perform(event)
    return true
  }
  // A sender that was told to wait for minutes waits for longer than any poll.
  if (!world.sender.puttingOff) return false
  if (world.config.repairs.poll) pollAll(world)
  world.perform(makeEvent(Op.RETRY))
  return true
}

function pollAll(world: World): void {
  for (const actor of world.actors) if (!actor.closed) world.perform(makeEvent(Op.POLL, actor.index))
}

function checkPromises(world: World): void {
  const { sender, recipients } = world
  for (const { device, terminal, socket } of world.clients) {
    if (terminal) world.violate('G1', `the newest session of device ${device} was closed as replaced`)
    if (socket !== undefined && socket.caughtUp !== 1) world.violate('G5', `caughtUp ${socket.caughtUp} times`)
  }
  for (const { number, accepted, expired, delivered } of sender.messages) {
    if (!accepted) world.violate('G0', `m${number} is never accepted`)
    for (const { device, displayed } of recipients) {
      const mayMiss = expired.has(device) && (world.mayExpire(number) || world.hasExpiredAtOnce(number, device))
      if (!displayed.has(number) && !mayMiss) world.violate('G1', `m${number} is accepted, and never displayed`)
      if (displayed.has(number) && !delivered.has(device) && !mayMiss) {
        world.violate('G4', `m${number} is displayed, and stays at ✓`)
      }
    }
  }
  for (const [device, rows] of world.postgres.tables.entries()) {
    if (rows.size > 0 && !world.config.staleRows) world.violate('G4', `rows of device ${device} are left for ever`)
  }
  checkCores(world)
}

function checkCores(world: World): void {
  for (const { closed, state, name } of world.actors) {
    if (closed) continue
    if (state.phase !== 'live') world.violate('LIVE', `${name} is ${state.phase} for ever`)
    if (state.inFlight !== 0) world.violate('FLIGHT', `${name} has something in flight for ever`)
  }
  for (const { up, buffer } of world.nodes) {
    if (up && buffer.bytes !== 0) world.violate('BYTES', `an empty journal counts ${buffer.bytes} bytes`)
  }
  for (const { session, node } of world.sockets) {
    if (node.up && session !== undefined && session.unanswered !== 0) {
      world.violate('ANSWER', `${session.unanswered} sends of a session are never answered`)
    }
  }
  if (world.unansweredArrivals > 0) world.violate('ANSWER', 'an actor never answers a batch')
}
