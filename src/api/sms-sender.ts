/** Hands text messages to phones. */
export interface SmsSender {
  /**
   * @param to the phone number, with its plus sign
   * @throws when the message was not taken
   */
  send(to: string, text: string): Promise<void>
}
