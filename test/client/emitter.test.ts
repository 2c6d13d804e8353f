import test from 'ava'
import { Emitter } from '../../client/emitter.ts'

interface Events {
  news: number
}

class Source extends Emitter<Events> {
  tell(number: number): void {
    this.emit('news', number)
  }
}

test('listeners hear until they are taken off, also when one goes while it is told', (t) => {
  const source = new Source()
  const heard: string[] = []
  const off = source.on('news', (number) => {
    heard.push(`first ${number}`)
    off()
  })
  source.on('news', (number) => heard.push(`second ${number}`))
  source.tell(1)
  source.tell(2)
  t.deepEqual(heard, ['first 1', 'second 1', 'second 2'])
})
