import { readFileSync } from 'node:fs'

/**
 * What processes use, from /proc (Linux; proc(5)). CPU time is user and system time together, of all threads, in ms; it
 * counts in ticks of 10 ms, which the kernel derives from exact run times.
 */
const TICK_MS = 10
/** Fields of /proc/<pid>/stat, counted from the one after the command's name, which may hold blanks. */
const Field = { utime: 11, stime: 12, cutime: 13, cstime: 14 } as const
const KIB = 1024

/** CPU time of one process. */
export function cpuMs(pid: number): number {
  const fields = stat(pid)
  return (Number(fields[Field.utime]) + Number(fields[Field.stime])) * TICK_MS
}

/** CPU time of a process and all its children, those that have ended included. */
export function familyCpuMs(pid: number): number {
  const fields = stat(pid)
  const ended = (Number(fields[Field.cutime]) + Number(fields[Field.cstime])) * TICK_MS
  let sum = cpuMs(pid) + ended
  for (const child of children(pid)) {
    try {
      sum += cpuMs(child)
    } catch {
      // It has ended meanwhile, and counts with the next look.
    }
  }
  return sum
}

/** Resident memory. */
export function rssBytes(pid: number): number {
  const match = /^VmRSS:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))
  return Number(match?.[1]) * KIB
}

function stat(pid: number): readonly string[] {
  const text = readFileSync(`/proc/${pid}/stat`, 'utf8')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function children(pid: number): readonly number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}
