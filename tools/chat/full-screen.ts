import type { Client } from '../../client/index.ts'
import { Chat } from './chat.ts'
import { renderScreen } from './screen.ts'
import { Terminal } from './terminal.ts'

/** Chats on the whole screen until the person quits. */
export async function runFullScreen(
  client: Client,
  { self, server, peer }: { self: number; server: string; peer: number | undefined },
): Promise<void> {
  let planned = false
  let maxScroll = 0
  const paint = (): void => {
    planned = false
    const screen = renderScreen(chat.model, terminal.size, Date.now())
    maxScroll = screen.maxScroll
    terminal.paint(screen)
  }
  const plan = (): void => {
    if (!planned) setImmediate(paint)
    planned = true
  }
  const { promise: left, resolve: quit } = Promise.withResolvers<void>()
  const chat = new Chat(client, { self, server, changed: plan, quit })
  const terminal = new Terminal({
    line: (text) => void chat.entered(text).catch(() => chat.notify('That did not work')),
    key: ({ name }) => {
      const page = Math.max(1, terminal.size.rows - 6)
      if (name === 'pageup') chat.scroll(page, maxScroll)
      else if (name === 'pagedown') chat.scroll(-page, maxScroll)
      const { text, cursor } = terminal.input
      chat.typed(text, cursor)
    },
    resized: plan,
    quit,
  })
  // The seconds until the next try, and "today", go on by themselves.
  const clock = setInterval(plan, 1_000)
  try {
    await chat.start(peer)
    await left
  } finally {
    clearInterval(clock)
    terminal.close()
  }
}
