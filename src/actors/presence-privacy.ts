/** What two people let each other see: each one's choice, as to the other. */
export interface Visibility {
  /** It is one's own presence. */
  readonly own: boolean
  /** The watched user's choice lets the watching one see. */
  readonly shown: boolean
  /** The watching user's choice would let the watched one see: who hides sees nothing. */
  readonly showsBack: boolean
}

/** Whether one user may see the presence of another. The one place that decides it. */
export function maySee({ own, shown, showsBack }: Visibility): boolean {
  return own || (shown && showsBack)
}
