import { isPassed, runCampaign } from './campaign.ts'
import type { CampaignProgress } from './campaign.ts'
import { Cluster } from './cluster.ts'
import { readOptions } from './options.ts'
import { renderReport } from './report.ts'
import type { Step } from './schedule.ts'
import { SHORT_SETTINGS } from './short-settings.ts'

const { minutes, nodes, databases, devices, rate, seed, levers, short } = readOptions(process.argv)

say(`seed ${seed}: ${devices} clients, ${nodes} nodes, ${databases} databases, ${rate} messages a second`)
const cluster = await Cluster.start({
  nodes,
  databases,
  diskMiB: short ? 512 : 1_024,
  ...(short ? { settings: SHORT_SETTINGS } : {}),
})
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) {
  process.once(signal, () => void cluster.stop().finally(() => process.exit(130)))
}
try {
  if (cluster.haproxy === undefined) say('Without haproxy, which this machine lacks: clients go round the nodes.')
  const result = await runCampaign(cluster, {
    devices,
    seed,
    levers,
    ms: minutes * 60_000,
    perSecond: rate,
    short,
    onStep: showStep,
    onComplaint: (complaint) => say(`! ${complaint}`),
  })
  say(renderReport(result))
  for (const reason of result.leftOut) say(`left out: ${reason}`)
  for (const complaint of [...result.complaints, ...result.named]) say(`! ${complaint}`)
  say(`seed ${seed}, ${(result.elapsedMs / 60_000).toFixed(1)} minutes: ${isPassed(result) ? 'passed' : 'FAILED'}`)
  process.exitCode = isPassed(result) ? 0 : 1
} catch (error) {
  say(error instanceof Error ? (error.stack ?? error.message) : String(error))
  say(await cluster.lastWords())
  say(`seed ${seed}: FAILED`)
  process.exitCode = 1
} finally {
  await cluster.stop()
}

function showStep({ fault, node, seconds }: Step, { elapsedMs, sent, accepted, read }: CampaignProgress): void {
  const time = new Date(elapsedMs).toISOString().slice(14, 19)
  say(`${time}  sent ${sent}, ✓ ${accepted}, read ${read}  ${fault} (node ${node + 1}, ${seconds} s)`)
}

function say(line: string): void {
  process.stdout.write(`${line}\n`)
}
