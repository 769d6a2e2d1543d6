// The server's clock, as far as this browser knows it: times of entries are the server's, and a browser at the other end of
// a tunnel may be ahead or behind.

let skew = 0;

/** Takes note of the time that the server just told. */
export function setServerTime(serverUs: number): void {
  const found = serverUs - Date.now() * 1000;
  // Less than that is the way of the answer, not a difference of clocks.
  skew = Math.abs(found) < SMALLEST_SKEW_US ? 0 : found;
}

export const skewUs = (): number => skew;

/** Now by the server's clock, in microseconds since the epoch. */
export const serverNowUs = (): number => Date.now() * 1000 + skew;

const SMALLEST_SKEW_US = 1_000_000;
