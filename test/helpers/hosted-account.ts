import type { Problem } from '../../src/api/problem.ts'
import { call, newPhone } from './http.ts'
import type { Answer, TestAccount } from './http.ts'
import type { TestServer } from './server.ts'

export interface HostedPage {
  readonly messages: readonly {
    readonly messageId: string
    readonly sender_ID: string
    readonly type: string
    readonly text?: string
  }[]
  readonly cursor: string | null
  readonly more: boolean
}

/** An account that chose the HTTP API: the server holds the keys of its device. */
export class HostedAccount {
  readonly user: number
  readonly token: string
  readonly #url: string

  private constructor(url: string, user: number, token: string) {
    this.#url = url
    this.user = user
    this.token = token
  }

  static register(server: Pick<TestServer, 'url' | 'sms'>, phone = newPhone()): Promise<HostedAccount> {
    return HostedAccount.join(server.url, (asked) => server.sms.codeFor(asked), phone)
  }

  /** The same, where codes come otherwise. */
  static async join(
    url: string,
    codeFor: (phone: string) => string | Promise<string>,
    phone = newPhone(),
  ): Promise<HostedAccount> {
    await call(`${url}/v1/registrations`, { body: { phone } })
    const body = { phone, code: await codeFor(phone), hosted: true }
    const answer = await call<TestAccount>(`${url}/v1/registrations/verify`, { body })
    if (answer.status !== 201) throw new Error(`Registering ${phone} failed: ${JSON.stringify(answer.body)}`)
    return new HostedAccount(url, Number(answer.body.user), answer.body.token)
  }

  /** The same account, by way of another node. */
  at({ url }: Pick<TestServer, 'url'>): HostedAccount {
    return new HostedAccount(url, this.user, this.token)
  }

  send(
    to: { readonly user: number },
    text: string,
    key?: string,
  ): Promise<Answer<Problem & { messageId: string; acceptedAt: string }>> {
    return call(`${this.#url}/messages`, {
      token: this.token,
      body: { reciever_ID: to.user, type: 'text', text },
      headers: key === undefined ? {} : { 'idempotency-key': key },
    })
  }

  read(query = ''): Promise<Answer<HostedPage & Problem>> {
    return call(`${this.#url}/messages${query}`, { token: this.token })
  }

  /** What it can read now: texts, or what stands in the place of one. */
  async texts(): Promise<string[]> {
    const { status, body } = await this.read()
    if (status !== 200) throw new Error(`Reading failed: ${JSON.stringify(body)}`)
    return body.messages.map(({ type, text }) => text ?? `[${type}]`)
  }

  acknowledge(upTo: string | null, read = false): Promise<Answer<{ acknowledged: number } & Problem>> {
    return call(`${this.#url}/messages?upTo=${upTo}&read=${read}`, { method: 'DELETE', token: this.token })
  }
}
