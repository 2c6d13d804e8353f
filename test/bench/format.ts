import Table from 'cli-table3'
import type { Spread } from './statistics.ts'

/** A table as all reports have it. */
export function makeTable(head: string[]): Table.Table {
  return new Table({ style: { head: [], border: [], compact: true }, head })
}

export function whole({ median }: Spread): string {
  return Math.round(median).toLocaleString('en')
}

export function range({ median, min, max }: Spread, digits: number): string {
  return `${median.toFixed(digits)} (${min.toFixed(digits)}–${max.toFixed(digits)})`
}

export function percent(share: number): string {
  return `${(share * 100).toFixed(share < 0.1 ? 1 : 0)} %`
}

export function kib(bytes: number): string {
  return `${(bytes / 1024).toFixed(1)} KiB`
}

export function mib(bytes: number): string {
  return `${(bytes / 1024 / 1024).toFixed(1)} MiB`
}

/** Whether a budget is kept. */
export function verdict(value: number, budget: number): string {
  return value <= budget ? 'met' : 'missed'
}
