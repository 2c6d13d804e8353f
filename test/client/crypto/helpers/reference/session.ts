import {
  dh,
  dhPublic,
  hex,
  hkdf,
  hmac,
  join,
  kemDecapsulate,
  kemEncapsulate,
  label,
  openWith,
  random,
  sealWith,
  sha256,
  u32,
} from './primitives.ts'

/** The secrets of a device, and its certificate as signed. */
export interface ReferenceDevice {
  readonly user: number
  readonly device: number
  readonly certificate: Uint8Array
  readonly agreementSecret: Uint8Array
}

/** The public side of a device, cut out of its certificate: address ‖ AIK ‖ DIKs ‖ DIKd. */
function partyOf(certificate: Uint8Array): Buffer {
  return join(certificate.subarray(2, 14), certificate.subarray(19, 115))
}

const agreementKeyOf = (certificate: Uint8Array): Uint8Array => certificate.subarray(83, 115)

export interface ReferenceKeys {
  readonly sharedKey: Buffer
  readonly id: Buffer
  readonly signalRoot: Buffer
}

export interface ReferenceOffer {
  readonly certificate: Uint8Array
  readonly spkId: number
  readonly spk: Uint8Array
  readonly opkId: number
  readonly opk: Uint8Array | undefined
  readonly pqId: number
  readonly pq: Uint8Array
  readonly pqOneTime: boolean
}

/** T of section 2.2, field by field. */
function transcript(
  certificateA: Uint8Array,
  offer: ReferenceOffer,
  generation: number,
  baseKey: Uint8Array,
  ciphertext: Uint8Array,
): Buffer {
  return join(
    Buffer.of(0x01, 0x03),
    partyOf(certificateA),
    sha256(certificateA),
    partyOf(offer.certificate),
    sha256(offer.certificate),
    u32(generation),
    Buffer.of(0x05),
    baseKey,
    Buffer.of((offer.opk ? 1 : 0) + (offer.pqOneTime ? 2 : 0)),
    u32(offer.spkId),
    Buffer.of(0x05),
    offer.spk,
    u32(offer.opk ? offer.opkId : 0),
    offer.opk ? join(Buffer.of(0x05), offer.opk) : Buffer.alloc(0),
    u32(offer.pqId),
    Buffer.of(0x09),
    offer.pq,
    ciphertext,
  )
}

function derive(agreed: readonly Uint8Array[], t: Buffer): ReferenceKeys {
  const out = hkdf(join(Buffer.alloc(32, 0xff), ...agreed), Buffer.alloc(32), join(label('pqxdh'), sha256(t)), 96)
  return { sharedKey: out.subarray(0, 32), id: out.subarray(32, 64), signalRoot: out.subarray(64) }
}

function initiatorKeys(
  self: ReferenceDevice,
  offer: ReferenceOffer,
  generation: number,
  baseSecret: Uint8Array,
  kem: { ciphertext: Uint8Array; sharedSecret: Uint8Array },
): ReferenceKeys {
  const agreed = [
    dh(self.agreementSecret, offer.spk),
    dh(baseSecret, agreementKeyOf(offer.certificate)),
    dh(baseSecret, offer.spk),
    ...(offer.opk ? [dh(baseSecret, offer.opk)] : []),
    kem.sharedSecret,
  ]
  return derive(agreed, transcript(self.certificate, offer, generation, dhPublic(baseSecret), kem.ciphertext))
}

/** @param secrets - of the pre-keys that the header names */
function responderKeys(self: ReferenceDevice, header: Uint8Array, secrets: ReferenceSecrets): ReferenceKeys {
  const view = Buffer.from(header)
  const certificateA = view.subarray(19, 270)
  const baseKey = view.subarray(270, 302)
  const ciphertext = view.subarray(302, 1_390)
  const offer: ReferenceOffer = {
    certificate: self.certificate,
    spkId: view.readUInt32BE(7),
    spk: dhPublic(secrets.spk),
    opkId: view.readUInt32BE(11),
    opk: secrets.opk && dhPublic(secrets.opk),
    pqId: view.readUInt32BE(15),
    pq: secrets.pqPublic,
    pqOneTime: ((view[2] as number) & 2) === 2,
  }
  const agreed = [
    dh(secrets.spk, agreementKeyOf(certificateA)),
    dh(self.agreementSecret, baseKey),
    dh(secrets.spk, baseKey),
    ...(secrets.opk ? [dh(secrets.opk, baseKey)] : []),
    kemDecapsulate(secrets.pqSeed, ciphertext),
  ]
  return derive(agreed, transcript(certificateA, offer, view.readUInt32BE(3), baseKey, ciphertext))
}

/** Of the pre-keys of the responder. */
export interface ReferenceSecrets {
  readonly spk: Uint8Array
  readonly opk: Uint8Array | undefined
  readonly pqSeed: Uint8Array
  readonly pqPublic: Uint8Array
}

export interface ReferenceRandom {
  readonly baseSecret: Uint8Array
  readonly kem: { readonly ciphertext: Uint8Array; readonly sharedSecret: Uint8Array }
  /** Of each ratchet key, one after the other. */
  readonly nextSecret: () => Uint8Array
}

function freshRandom(offer: ReferenceOffer): ReferenceRandom {
  return { baseSecret: random(32), kem: kemEncapsulate(offer.pq), nextSecret: () => random(32) }
}

/** The Double Ratchet as its paper writes it, with one mutable state and no limits. */
export class ReferenceSession {
  readonly keys: ReferenceKeys
  readonly #self: Buffer
  readonly #peer: Buffer
  #rk: Buffer
  #dhs: Buffer
  #dhr: string | undefined
  #cks: Buffer | undefined
  #ckr: Buffer | undefined
  #ns = 0
  #nr = 0
  #pn = 0
  readonly #skipped = new Map<string, Buffer>()
  #header: Buffer | undefined

  readonly #nextSecret: () => Uint8Array

  private constructor(
    keys: ReferenceKeys,
    self: Uint8Array,
    peer: Uint8Array,
    dhs: Uint8Array,
    nextSecret: () => Uint8Array,
  ) {
    this.keys = keys
    this.#nextSecret = nextSecret
    this.#self = partyOf(self)
    this.#peer = partyOf(peer)
    this.#rk = keys.sharedKey
    this.#dhs = Buffer.from(dhs)
  }

  /** @param given - what is random otherwise */
  static initiate(
    self: ReferenceDevice,
    offer: ReferenceOffer,
    generation: number,
    list: Uint8Array,
    given: ReferenceRandom = freshRandom(offer),
  ): ReferenceSession {
    const { baseSecret, kem, nextSecret } = given
    const keys = initiatorKeys(self, offer, generation, baseSecret, kem)
    const session = new ReferenceSession(keys, self.certificate, offer.certificate, nextSecret(), nextSecret)
    session.#dhr = hex(offer.spk)
    session.#cks = session.#rootStep(offer.spk)
    session.#header = join(
      Buffer.of(0x01, 0x03, (offer.opk ? 1 : 0) + (offer.pqOneTime ? 2 : 0)),
      u32(generation),
      u32(offer.spkId),
      u32(offer.opk ? offer.opkId : 0),
      u32(offer.pqId),
      self.certificate,
      dhPublic(baseSecret),
      kem.ciphertext,
      list,
    )
    return session
  }

  static respond(
    self: ReferenceDevice,
    payload: Uint8Array,
    secrets: ReferenceSecrets,
    nextSecret: () => Uint8Array = () => random(32),
  ): ReferenceSession {
    const keys = responderKeys(self, payload.subarray(0, 1_426), secrets)
    return new ReferenceSession(keys, self.certificate, payload.subarray(19, 270), secrets.spk, nextSecret)
  }

  #rootStep(key: Uint8Array): Buffer {
    const out = hkdf(dh(this.#dhs, key), this.#rk, label('rk'), 64)
    this.#rk = out.subarray(0, 32)
    return out.subarray(32)
  }

  encrypt(text: Uint8Array, nonce: Uint8Array = random(24)): Buffer {
    if (this.#cks === undefined) throw new Error('The reference cannot send yet')
    const mk = hmac(this.#cks, Buffer.of(1))
    this.#cks = hmac(this.#cks, Buffer.of(2))
    const head = join(Buffer.of(0x01, 0x02), dhPublic(this.#dhs), u32(this.#pn), u32(this.#ns))
    this.#ns += 1
    if (this.#header === undefined)
      return sealWith(mk, 'mk', join(label('ad'), this.#self, this.#peer), head, text, nonce)
    const ad = join(label('ad-pre'), this.#self, this.#peer, sha256(this.#header))
    const inner = sealWith(mk, 'mk', ad, head, text, nonce)
    return join(this.#header, u32(inner.length), inner)
  }

  decrypt(payload: Uint8Array): Buffer | undefined {
    const first = payload[1] === 3
    const message = Buffer.from(first ? payload.subarray(1_430) : payload)
    const ends = join(this.#peer, this.#self)
    const ad = first ? join(label('ad-pre'), ends, sha256(payload.subarray(0, 1_426))) : join(label('ad'), ends)
    const key = hex(message.subarray(2, 34))
    const n = message.readUInt32BE(38)
    const index = `${key}.${n}`
    let mk = this.#skipped.get(index)
    if (mk === undefined) {
      if (key !== this.#dhr) {
        this.#skip(message.readUInt32BE(34))
        this.#pn = this.#ns
        this.#ns = 0
        this.#nr = 0
        this.#dhr = key
        this.#ckr = this.#rootStep(message.subarray(2, 34))
        this.#dhs = Buffer.from(this.#nextSecret())
        this.#cks = this.#rootStep(message.subarray(2, 34))
      }
      this.#skip(n)
      this.#skip(n + 1)
      mk = this.#skipped.get(index)
    }
    this.#skipped.delete(index)
    this.#header = undefined
    return mk && openWith(mk, 'mk', ad, 42, message)
  }

  #skip(until: number): void {
    while (this.#ckr !== undefined && this.#nr < until) {
      this.#skipped.set(`${this.#dhr}.${this.#nr}`, hmac(this.#ckr, Buffer.of(1)))
      this.#ckr = hmac(this.#ckr, Buffer.of(2))
      this.#nr += 1
    }
  }

  signalKey(): Buffer {
    return hkdf(
      this.keys.signalRoot,
      Buffer.alloc(32),
      join(label('signal-key'), label('ad'), this.#self, this.#peer),
      32,
    )
  }

  sealSignal(text: Uint8Array, nonce: Uint8Array = random(24)): Buffer {
    return sealWith(this.signalKey(), 'signal', join(label('ad'), this.#self, this.#peer), Buffer.of(1, 9), text, nonce)
  }
}
