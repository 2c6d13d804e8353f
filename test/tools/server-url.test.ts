import test from 'ava'
import { parseServerUrl } from '../../tools/server-url.ts'

test('an address is the same however it is typed', (t) => {
  for (const [typed, url] of [
    ['localhost:3000', 'http://localhost:3000'],
    ['http://localhost:3000/', 'http://localhost:3000'],
    [' HTTP://LocalHost:3000// ', 'http://localhost:3000'],
    ['localhost', 'http://localhost'],
    ['127.0.0.1:3000', 'http://127.0.0.1:3000'],
    ['192.168.1.5:3000', 'http://192.168.1.5:3000'],
    ['[::1]:3000', 'http://[::1]:3000'],
    ['nas:3000', 'http://nas:3000'],
    ['chat.example.org', 'https://chat.example.org'],
    ['chat.example.org:8443/parley/', 'https://chat.example.org:8443/parley'],
    ['https://Chat.Example.org:443/', 'https://chat.example.org'],
    ['http://chat.example.org:80/?a=b#c', 'http://chat.example.org'],
    ['wss://chat.example.org', 'https://chat.example.org'],
    ['ws://localhost:3000/', 'http://localhost:3000'],
  ] as const) {
    t.is(parseServerUrl(typed), url, typed)
  }
})

test('what is no address of a server is none', (t) => {
  for (const typed of ['', ' ', '//', 'ftp://a', 'http://', 'https://user:secret@a', 'a b', 'mailto:a@b']) {
    t.is(parseServerUrl(typed), undefined, typed)
  }
})
