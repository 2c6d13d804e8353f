import './header-room.ts'
import uWS from 'uWebSockets.js'

/** The library of all sockets: every module takes it from here, so that its environment is there first. */
export default uWS
