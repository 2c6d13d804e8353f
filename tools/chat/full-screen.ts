import type { Client } from '../../client/index.ts'
import { Chat } from './chat.ts'
import type { ChatOptions } from './chat.ts'
import { LineEditor } from './line-editor.ts'
import type { Wish } from './line-editor.ts'
import { renderScreen } from './screen.ts'
import { Terminal } from './terminal.ts'

/**
 * Chats on the whole screen until the person quits, the terminal goes away or a signal ends it.
 *
 * @returns the exit code
 */
export async function runFullScreen(
  client: Client,
  { peer, endSignal, ...options }: Pick<ChatOptions, 'self' | 'server' | 'contacts'> & FullScreenOptions,
): Promise<number> {
  let planned = false
  const editor = new LineEditor()
  const paint = (): void => {
    planned = false
    terminal.paint(renderScreen(chat.model, terminal.size, Date.now(), performance.now()))
  }
  const plan = (): void => {
    if (!planned) setImmediate(paint)
    planned = true
  }
  const { promise: left, resolve: leave } = Promise.withResolvers<number>()
  const quit = (): void => leave(0)
  const chat = new Chat(client, { ...options, changed: plan, quit })
  const act = (wish: Wish): void => {
    if (wish.type === 'enter')
      void chat.entered(wish.entered.text, wish.entered).catch(() => chat.notify('That did not work'))
    if (wish.type === 'full') chat.notify('There is no more room in the input: what came last is left out')
    chat.typed(editor.draft.text, editor.draft.cursor)
  }
  const terminal = new Terminal({
    text: (text, origin) => act(editor.add(text, origin)),
    key: (key) => {
      const { name, ctrl } = key
      const page = Math.max(1, terminal.size.rows - 6)
      if (ctrl === true && (name === 'c' || (name === 'd' && editor.draft.text === ''))) quit()
      else if (ctrl === true && name === 'z') terminal.suspend()
      else if (name === 'pageup') chat.scroll(page, terminal.size)
      else if (name === 'pagedown') chat.scroll(-page, terminal.size)
      else {
        if (ctrl === true && name === 'l') terminal.clear()
        act(editor.press(key))
      }
    },
    resized: plan,
    gone: quit,
  })
  // The seconds until the next try, and "today", go on by themselves.
  const clock = setInterval(plan, 1_000)
  try {
    return await Promise.race([chat.start(peer).then(() => left), endSignal])
  } finally {
    clearInterval(clock)
    terminal.close()
  }
}

interface FullScreenOptions {
  readonly peer: number | undefined
  /** Resolves with an exit code when a signal asks the process to end. */
  readonly endSignal: Promise<number>
}
