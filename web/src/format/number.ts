// Numbers, sizes and durations as a reader takes them in at a glance.

const grouped = new Intl.NumberFormat("en-US");

/** A count with separators: `12,345`. */
export const count = (value: number): string => grouped.format(Math.round(value));

/** A count in few characters: `950`, `12.3k`, `4.1M`. */
export function short(value: number): string {
  const size = Math.abs(value);
  if (size < 1000) return trim(value, size < 10 && !Number.isInteger(value) ? 1 : 0);
  if (size < 999_500) return `${trim(value / 1e3, size < 99_950 ? 1 : 0)}k`;
  if (size < 999_500_000) return `${trim(value / 1e6, size < 99_950_000 ? 1 : 0)}M`;
  return `${trim(value / 1e9, 1)}G`;
}

/** A size of memory or payload: `42 B`, `1.5 KiB`. */
export function bytes(value: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let size = value;
  let unit = 0;
  while (Math.abs(size) >= 1023.5 && unit < units.length - 1) {
    size /= 1024;
    unit += 1;
  }
  return `${trim(size, unit > 0 && Math.abs(size) < 99.95 ? 1 : 0)} ${units[unit]}`;
}

/** A duration given in microseconds: `71 µs`, `6.04 ms`, `2.1 s`, `3 min 20 s`. */
export function micros(us: number): string {
  const size = Math.abs(us);
  if (size < 999.5) return `${trim(us, 0)} µs`;
  if (size < 999_500) return `${digits(us / 1e3)} ms`;
  if (size < 59_950_000) return `${digits(us / 1e6)} s`;
  return long(us / 1e6);
}

/** A duration in whole units, the two largest: `3 min 20 s`, `2 d 4 h`. */
export function long(seconds: number): string {
  const parts: [number, string][] = [
    [86_400, "d"],
    [3600, "h"],
    [60, "min"],
    [1, "s"],
  ];
  let rest = Math.round(seconds);
  const words: string[] = [];
  for (const [size, unit] of parts) {
    const amount = Math.floor(rest / size);
    if (amount === 0 && (words.length === 0 || rest === 0)) continue;
    words.push(`${amount} ${unit}`);
    rest -= amount * size;
    if (words.length === 2) break;
  }
  return words.length > 0 ? words.join(" ") : "0 s";
}

/** Events by the unit of time that gives a number one can read: `0.2/s`, `1.2k/s`, `3/min`, `0.5/h`. */
export function rate(perSecond: number): string {
  if (perSecond === 0 || perSecond >= LEAST_RATE) return `${tenths(perSecond)}/s`;
  if (perSecond * 60 >= LEAST_RATE) return `${tenths(perSecond * 60)}/min`;
  return `${perSecond * 3600 < LEAST_RATE ? "<0.1" : tenths(perSecond * 3600)}/h`;
}

/** A share between 0 and 1: `0.4 %`, `12 %`. */
export function share(part: number, whole: number): string {
  if (whole <= 0) return "0 %";
  const percent = (100 * part) / whole;
  if (percent > 0 && percent < 0.1) return "<0.1 %";
  return `${trim(percent, percent < 10 ? 1 : 0)} %`;
}

/** A word with its number: `1 row`, `3 rows`. */
export const plural = (amount: number, one: string, many = `${one}s`): string =>
  `${count(amount)} ${amount === 1 ? one : many}`;

const tenths = (value: number) => short(value < 10 ? Math.round(value * 10) / 10 : value);

const digits = (value: number) => trim(value, Math.abs(value) < 9.995 ? 2 : Math.abs(value) < 99.95 ? 1 : 0);

function trim(value: number, places: number): string {
  const text = value.toFixed(places);
  return text.includes(".") ? text.replace(/\.?0+$/, "") : text;
}

const LEAST_RATE = 0.1;
