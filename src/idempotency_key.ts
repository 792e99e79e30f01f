/** What an `Idempotency-Key` may be: printable ASCII, whose blanks no protocol takes off its ends. */
export const IDEMPOTENCY_KEY = /^[!-~]([ -~]{0,253}[!-~])?$/;
