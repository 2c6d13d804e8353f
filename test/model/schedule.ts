import { CLOCK_STEPS } from './clocks.ts'
import { SENDER } from './devices.ts'
import { Op, makeEvent } from './events.ts'
import type { World } from './world.ts'
import { FILL_LEAVES } from './world.ts'

/** What can happen next without a fault. When the world comes to rest, clients connect to a node that answers. */
export function possibleEvents(world: World, resting: boolean): number[] {
  const events: number[] = []
  clientEvents(world, resting, events)
  socketEvents(world, events)
  nodeEvents(world, events)
  actorEvents(world, events)
  if (world.postgres.lost.length > 0) events.push(makeEvent(Op.LATE_STATEMENT), makeEvent(Op.LOST_STATEMENT))
  return events
}

function clientEvents(world: World, resting: boolean, events: number[]): void {
  for (const { device, socket, terminal } of world.clients) {
    if (socket !== undefined) {
      if (socket.toClient.length > 0) events.push(makeEvent(Op.CLIENT_READS, device))
      if (socket.received > socket.acknowledged) events.push(makeEvent(Op.ACKNOWLEDGE, device))
    } else if (!terminal) {
      for (const { index, up, runs } of world.nodes) {
        if (resting ? !runs : !up) continue
        events.push(makeEvent(Op.CONNECT, device, index))
        if (resting) break
      }
    }
  }
  const { sender } = world
  if (sender.messages.length < world.config.messages) events.push(makeEvent(Op.COMPOSE))
  if (sender.puttingOff && !resting) events.push(makeEvent(Op.RETRY))
  if (sender.ready) {
    events.push(makeEvent(Op.SEND))
    if (sender.socket?.toServer.at(-1)?.type === 'send') events.push(makeEvent(Op.SEND_MORE))
  }
}

function socketEvents(world: World, events: number[]): void {
  const deaf = world.config.repairs.deafToOldSockets
  for (const socket of world.sockets) {
    if (socket.toServer.length > 0 && socket.node.runs) events.push(makeEvent(Op.SERVER_READS, socket.index))
    if (deaf || socket.device !== SENDER || socket === world.sender.socket) continue
    if (socket.toClient.length > 0) events.push(makeEvent(Op.CLIENT_READS_OLD, socket.index))
  }
}

function nodeEvents(world: World, events: number[]): void {
  for (const node of world.nodes) {
    if (!node.up) continue
    const { index, flight, frozen } = node
    if (node.toBus.length > 0) events.push(makeEvent(Op.BUS, index))
    if (flight?.committed === false) events.push(makeEvent(Op.COMMIT, index))
    if (frozen) continue
    if (node.time.wants !== undefined) events.push(makeEvent(Op.CLAIM, index))
    if (node.fromBus.length > 0) events.push(makeEvent(Op.NODE_READS, index))
    if (flight?.committed === true) events.push(makeEvent(Op.FLUSHED, index))
    for (const [device, room] of node.rooms.entries()) {
      if (room?.due === true) events.push(makeEvent(Op.MEASURE, index, device))
    }
    if (node.measures.length > 0) events.push(makeEvent(Op.MEASURED, index))
    if (flight !== undefined) continue
    const due = node.buffer.dueAt()
    if (due === undefined) continue
    events.push(makeEvent(due > node.now ? Op.WAIT_FLUSH : Op.FLUSH, index))
  }
}

function actorEvents(world: World, events: number[]): void {
  for (const { index, node, reading, turnWanted, finished } of world.actors) {
    if (!node.up) continue
    if (reading !== undefined && reading.rows === undefined) events.push(makeEvent(Op.SELECT, index))
    if (node.frozen) continue
    if (reading?.rows !== undefined) events.push(makeEvent(Op.ROWS, index))
    if (turnWanted) events.push(makeEvent(Op.TURN, index))
    if (finished.length > 0) events.push(makeEvent(Op.RECEIPTS, index))
  }
}

/** What can go wrong next, within the budgets. */
export function possibleFaults(world: World): number[] {
  const events: number[] = []
  const { budgets, clients, nodes, sockets, actors } = world
  for (const { device, socket } of clients) {
    const left = device === SENDER ? budgets.moveSender : budgets.move
    if (socket !== undefined && left > 0) events.push(makeEvent(Op.LEAVE, device, 0), makeEvent(Op.LEAVE, device, 1))
  }
  const running = nodes.filter(({ up }) => up).length
  for (const node of nodes) {
    const { index } = node
    if (!node.up) continue
    if (budgets.crash > 0 && running > 1) events.push(makeEvent(Op.CRASH, index))
    if (node.joined && budgets.cut > 0) events.push(makeEvent(Op.CUT, index))
    if (node.frozen) events.push(makeEvent(Op.THAW, index))
    else if (budgets.freeze > 0) events.push(makeEvent(Op.FREEZE, index))
    if (node.flight !== undefined && budgets.unknown > 0) {
      events.push(makeEvent(Op.UNKNOWN, index))
      if (!node.frozen) events.push(makeEvent(Op.NO_ROOM, index))
    }
    if (budgets.stepSystem > 0)
      for (let i = 0; i < CLOCK_STEPS.length; i++) events.push(makeEvent(Op.STEP_SYSTEM, index, i))
    if (node.frozen) continue
    if (!node.joined) events.push(makeEvent(Op.JOIN, index))
    if (node.requests.size > 0 && budgets.timeout > 0) events.push(makeEvent(Op.TIMEOUT, index))
    if (node.refusals === 0 && budgets.refuse > 0) events.push(makeEvent(Op.REFUSE, index))
    if (budgets.fill > 0) for (let i = 0; i < FILL_LEAVES.length; i++) events.push(makeEvent(Op.FILL, index, i))
    if (budgets.giveUp > 0 && node.buffer.bytes > 0) events.push(makeEvent(Op.GIVE_UP, index))
  }
  if (budgets.stepDatabase > 0) for (let i = 0; i < CLOCK_STEPS.length; i++) events.push(makeEvent(Op.STEP_DATABASE, i))
  for (const { index, left, ended, node, toServer } of sockets) {
    if (left && !ended && node.runs && toServer.length === 0) events.push(makeEvent(Op.EOF, index))
    if (budgets.overflow > 0 && !ended && node.runs) events.push(makeEvent(Op.OVERFLOW, index))
  }
  if (budgets.others > 0) {
    for (const { index, routable, node } of actors) if (routable && node.runs) events.push(makeEvent(Op.OTHERS, index))
  }
  if (budgets.poll > 0) {
    for (const { index, closed, node, state } of actors) {
      if (!closed && node.runs && state.phase !== 'starting') events.push(makeEvent(Op.POLL, index))
    }
  }
  return events
}
