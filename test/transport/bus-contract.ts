import type { ExecutionContext, Implementation } from 'ava'
import type { Bus, BusHandler, RequestListener } from '../../src/transport/bus.ts'
import { text } from '../helpers/device.ts'
import { waitUntil } from '../helpers/wait-until.ts'

/** What a bus must be able to start for its contract to be tested. */
export interface BusMaker {
  /** So many nodes on one bus of their own. They are closed with the test. */
  connect(t: ExecutionContext, nodes: number, options: { readonly requestTimeoutMs: number }): Promise<readonly Bus[]>
}

const PATIENT_MS = 20_000

/** Keeps what it hears. */
class Ear implements BusHandler {
  readonly heard: string[] = []
  readonly replies: ((data: Uint8Array) => void)[] = []
  /** Answered to each request. */
  readonly #answers: readonly string[]

  constructor(...answers: string[]) {
    this.#answers = answers
  }

  onBusMessage(data: Uint8Array, reply: ((data: Uint8Array) => void) | undefined): void {
    this.heard.push(new TextDecoder().decode(data))
    if (reply === undefined) return
    this.replies.push(reply)
    for (const answer of this.#answers) reply(text(answer))
  }
}

/** Keeps what becomes of a request; it is done after so many replies. */
class Asked implements RequestListener {
  readonly happened: string[] = []
  readonly #replies: number

  constructor(replies: number) {
    this.#replies = replies
  }

  onReply(data: Uint8Array): boolean {
    this.happened.push(new TextDecoder().decode(data))
    return this.happened.length >= this.#replies
  }

  onNoResponders(): void {
    this.happened.push('no responders')
  }

  onTimeout(): void {
    this.happened.push('timeout')
  }
}

/** The contract of {@link Bus}, for each way to be one. */
export function testBusContract(
  test: (title: string, implementation: Implementation<[]>) => void,
  maker: BusMaker,
): void {
  const start = async (t: ExecutionContext, nodes = 1, requestTimeoutMs = PATIENT_MS): Promise<Bus[]> => [
    ...(await maker.connect(t, nodes, { requestTimeoutMs })),
  ]
  /** By then whatever was published before has been handed over: one node's messages keep their order. */
  const settle = async (from: Bus, to: Bus, subject: string): Promise<void> => {
    const ear = new Ear('ok')
    to.subscribe(subject, ear)
    await to.flush()
    const asked = new Asked(1)
    from.request(subject, () => text('?'), asked)
    await waitUntil('the bus has settled', () => asked.happened.length > 0)
    to.unsubscribe(subject, ear)
  }

  for (const nodes of [1, 2]) {
    const between = nodes === 1 ? 'within a node' : 'between two nodes'

    test(`messages of a subject arrive in order ${between}`, async (t) => {
      const buses = await start(t, nodes)
      const [from, to] = [buses[0]!, buses.at(-1)!]
      const [ear, other] = [new Ear(), new Ear()]
      to.subscribe('parley.a', ear)
      to.subscribe('parley.b', other)
      await to.flush()
      const sent = Array.from({ length: 500 }, (_, i) => String(i))
      for (const one of sent) t.true(from.publish('parley.a', text(one)))
      await waitUntil('all arrive', () => ear.heard.length === sent.length)
      t.deepEqual(ear.heard, sent)
      t.deepEqual(other.heard, [])
    })

    test(`a request is answered, as often as the handler likes, ${between}`, async (t) => {
      const buses = await start(t, nodes)
      const [from, to] = [buses[0]!, buses.at(-1)!]
      to.subscribe('parley.a', new Ear('one', 'two', 'three'))
      await to.flush()
      const asked = new Asked(3)
      from.request('parley.a', () => text('how many?'), asked)
      await waitUntil('all replies come', () => asked.happened.length === 3)
      t.deepEqual(asked.happened, ['one', 'two', 'three'])
    })

    test(`nobody there is told at once ${between}, and the request is not made`, async (t) => {
      const buses = await start(t, nodes)
      const asked = new Asked(1)
      buses[0]!.request('parley.nobody', () => text('hello?'), asked)
      await waitUntil('it is known', () => asked.happened.length > 0, 5_000)
      t.deepEqual(asked.happened, ['no responders'])
    })

    test(`who only hears may come back after it has unsubscribed ${between}, and is no responder meanwhile`, async (t) => {
      const buses = await start(t, nodes)
      const [from, to] = [buses[0]!, buses.at(-1)!]
      const heard: string[] = []
      const listen = (name: string): BusHandler => ({
        onlyHears: true,
        onBusMessage: (data) => heard.push(`${name} ${Buffer.from(data).toString()}`),
      })
      const [first, second] = [listen('first'), listen('second')]
      to.subscribe('parley.a', first)
      await to.flush()
      from.publish('parley.a', text('one'))
      await waitUntil('it is heard', () => heard.length === 1)
      to.unsubscribe('parley.a', first)
      await to.flush()
      const asked = new Asked(1)
      from.request('parley.a', () => text('anybody?'), asked)
      await waitUntil('it is known', () => asked.happened.length > 0)
      t.deepEqual(asked.happened, ['no responders'])
      to.subscribe('parley.a', second)
      await to.flush()
      from.publish('parley.a', text('two'))
      await waitUntil('it is heard again', () => heard.length === 2)
      t.deepEqual(heard, ['first one', 'second two'])
    })

    test(`whoever has unsubscribed hears nothing more, and is no responder, ${between}`, async (t) => {
      const buses = await start(t, nodes)
      const [from, to] = [buses[0]!, buses.at(-1)!]
      const [gone, stays] = [new Ear('gone'), new Ear('stays')]
      to.subscribe('parley.a', gone)
      to.subscribe('parley.a', stays)
      await to.flush()
      from.publish('parley.a', text('one'))
      await waitUntil('both have heard it', () => gone.heard.length + stays.heard.length === 2)
      to.unsubscribe('parley.a', gone)
      await to.flush()
      from.publish('parley.a', text('two'))
      await waitUntil('the other one has heard it', () => stays.heard.length === 2)
      t.deepEqual(gone.heard, ['one'])
      to.unsubscribe('parley.a', stays)
      await to.flush()
      const asked = new Asked(1)
      from.request('parley.a', () => text('anybody?'), asked)
      await waitUntil('it is known', () => asked.happened.length > 0, 5_000)
      t.deepEqual(asked.happened, ['no responders'])
    })
  }

  test('every node that subscribes hears a message, once', async (t) => {
    const buses = await start(t, 3)
    const ears = buses.map(() => new Ear())
    for (const [i, bus] of buses.entries()) bus.subscribe('parley.a', ears[i]!)
    await Promise.all(buses.map((bus) => bus.flush()))
    buses[0]!.publish('parley.a', text('to all'))
    for (const bus of buses) await settle(buses[0]!, bus, 'parley.settle')
    t.deepEqual(
      ears.map(({ heard }) => heard),
      [['to all'], ['to all'], ['to all']],
    )
  })

  test('whoever subscribes to any last token hears them all, but no longer subject', async (t) => {
    const [from, to] = await start(t, 2)
    const [any, one] = [new Ear(), new Ear()]
    to!.subscribe('parley.control.*', any)
    to!.subscribe('parley.control.1', one)
    await to!.flush()
    from!.publish('parley.control.1', text('one'))
    from!.publish('parley.control.2', text('two'))
    from!.publish('parley.control.2.more', text('three'))
    await settle(from!, to!, 'parley.settle')
    t.deepEqual([any.heard, one.heard], [['one', 'two'], ['one']])
    to!.unsubscribe('parley.control.*', any)
    await to!.flush()
    from!.publish('parley.control.1', text('four'))
    await settle(from!, to!, 'parley.settle')
    t.deepEqual(
      [any.heard, one.heard],
      [
        ['one', 'two'],
        ['one', 'four'],
      ],
    )
  })

  test('a request to all reaches every node, also where one of them answered before', async (t) => {
    const [from, ...others] = await start(t, 3)
    const ears = others.map((bus) => {
      const ear = new Ear('here')
      bus.subscribe('parley.a', ear)
      return ear
    })
    await Promise.all(others.map((bus) => bus.flush()))
    const [first, all] = [new Asked(1), new Asked(2)]
    from!.request('parley.a', () => text('any'), first)
    await waitUntil('one answers', () => first.happened.length === 1)
    from!.requestAll('parley.a', () => text('all'), all)
    await waitUntil('all answer', () => all.happened.length === 2)
    for (const ear of ears) t.true(ear.heard.includes('all'))
  })

  test('a request that meets the end of a subscription is answered, or nobody is there: it does not hang', async (t) => {
    const [from, to] = await start(t, 2, 5_000)
    const all: Asked[] = []
    for (let i = 0; i < 200; i++) {
      const ear = new Ear('here')
      to!.subscribe(`parley.${i}`, ear)
      await to!.flush()
      const asked = new Asked(1)
      from!.request(`parley.${i}`, () => text('?'), asked)
      to!.unsubscribe(`parley.${i}`, ear)
      all.push(asked)
    }
    await waitUntil('all have ended', () => all.every(({ happened }) => happened.length > 0))
    const ends = new Set(all.flatMap(({ happened }) => happened))
    t.false(ends.has('timeout'), [...ends].join(', '))
  })

  test('a subject is found again after it has moved to another node', async (t) => {
    const [from, one, two] = await start(t, 3)
    const [here, there] = [new Ear('one'), new Ear('two')]
    one!.subscribe('parley.a', here)
    await one!.flush()
    const ask = async (): Promise<string[]> => {
      const asked = new Asked(1)
      from!.request('parley.a', () => text('?'), asked)
      await waitUntil('it is answered', () => asked.happened.length === 1)
      return asked.happened
    }
    t.deepEqual([await ask(), await ask()], [['one'], ['one']])
    one!.unsubscribe('parley.a', here)
    two!.subscribe('parley.a', there)
    await Promise.all([one!.flush(), two!.flush()])
    t.deepEqual([await ask(), await ask()], [['two'], ['two']])
    await two!.close()
    const asked = new Asked(1)
    from!.request('parley.a', () => text('?'), asked)
    await waitUntil('it is known', () => asked.happened.length === 1)
    t.deepEqual(asked.happened, ['no responders'])
  })

  test('a request that is not answered to the end times out, once', async (t) => {
    const [bus] = await start(t, 1, 1_000)
    bus!.subscribe('parley.silent', new Ear())
    bus!.subscribe('parley.curt', new Ear('one'))
    await bus!.flush()
    const [silent, curt] = [new Asked(1), new Asked(2)]
    bus!.request('parley.silent', () => text('?'), silent)
    bus!.request('parley.curt', () => text('?'), curt)
    await waitUntil('both are over', () => silent.happened.length === 1 && curt.happened.length === 2)
    t.deepEqual([silent.happened, curt.happened], [['timeout'], ['one', 'timeout']])
  })

  test('a reply that comes too late, or after the last one, is not heard', async (t) => {
    const [bus] = await start(t, 1, 1_000)
    const late = new Ear()
    const chatty = new Ear('first')
    bus!.subscribe('parley.late', late)
    bus!.subscribe('parley.chatty', chatty)
    await bus!.flush()
    const [one, two] = [new Asked(1), new Asked(1)]
    bus!.request('parley.late', () => text('?'), one)
    bus!.request('parley.chatty', () => text('?'), two)
    await waitUntil('both are over', () => one.happened.length === 1 && two.happened.length === 1)
    late.replies[0]!(text('too late'))
    chatty.replies[0]!(text('second'))
    await settle(bus!, bus!, 'parley.settle')
    t.deepEqual([one.happened, two.happened], [['timeout'], ['first']])
  })

  test('many requests at a time get their own replies', async (t) => {
    const [from, to] = await start(t, 2)
    to!.subscribe('parley.echo', {
      onBusMessage: (data, reply) => reply?.(data.slice()),
    })
    await to!.flush()
    const all = Array.from({ length: 300 }, () => new Asked(1))
    for (const [i, asked] of all.entries()) from!.request('parley.echo', () => text(String(i)), asked)
    await waitUntil('all are answered', () => all.every(({ happened }) => happened.length > 0))
    t.deepEqual(
      all.map(({ happened }) => happened),
      all.map((_, i) => [String(i)]),
    )
  })

  test('no handler is called before the call that caused it has returned', async (t) => {
    const [bus] = await start(t)
    let inside = true
    const early: string[] = []
    const note = (what: string) => {
      if (inside) early.push(what)
    }
    const ear: BusHandler = {
      onBusMessage: (_data, reply) => {
        note('message')
        inside = true
        reply?.(text('reply'))
        inside = false
      },
    }
    bus!.subscribe('parley.a', ear)
    await bus!.flush()
    const asked = new Asked(1)
    const watched: RequestListener = {
      onReply: (data) => {
        note('reply')
        return asked.onReply(data)
      },
      onNoResponders: () => note('no responders'),
      onTimeout: () => note('timeout'),
    }
    bus!.publish('parley.a', text('x'))
    bus!.request('parley.a', () => text('x'), watched)
    bus!.request('parley.nobody', () => text('x'), watched)
    inside = false
    await waitUntil('the reply comes', () => asked.happened.length === 1)
    t.deepEqual(early, [])
  })

  test('bytes of any length and value arrive as they are', async (t) => {
    const [from, to] = await start(t, 2)
    const got: Uint8Array[] = []
    to!.subscribe('parley.bytes', { onBusMessage: (data) => void got.push(data.slice()) })
    await to!.flush()
    const sent = [new Uint8Array(0), new Uint8Array(256).map((_, i) => i), new Uint8Array(500_000).fill(0xff)]
    for (const data of sent) from!.publish('parley.bytes', data)
    await waitUntil('all arrive', () => got.length === sent.length)
    t.deepEqual(got, sent)
  })

  test('a closed bus publishes nothing, asks nobody, hears nothing, and ends what it has asked', async (t) => {
    const [one, two] = await start(t, 2)
    const ear = new Ear()
    one!.subscribe('parley.one', ear)
    two!.subscribe('parley.two', new Ear())
    await Promise.all([one!.flush(), two!.flush()])
    const open = new Asked(1)
    one!.request('parley.two', () => text('?'), open)
    t.true(one!.connected)
    await one!.close()
    t.false(one!.connected)
    t.deepEqual(open.happened, ['timeout'])
    t.false(one!.publish('parley.two', text('x')))
    const asked = new Asked(1)
    one!.request('parley.two', () => text('?'), asked)
    const unheard = new Asked(1)
    two!.request('parley.one', () => text('?'), unheard)
    await waitUntil('both are answered', () => asked.happened.length + unheard.happened.length === 2)
    t.deepEqual([asked.happened, unheard.happened], [['no responders'], ['no responders']])
    t.deepEqual(ear.heard, [])
    await one!.close()
  })
}
