// Times: RFC 3339 with nanoseconds on the wire, local or UTC on the screen.

export type Clock = "local" | "utc";

/** The microseconds since the epoch of an RFC 3339 time; 0 where it is none. */
export function toMicros(text: string): number {
  const ms = Date.parse(text);
  if (Number.isNaN(ms)) return 0;
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? "";
  return Math.floor(ms / 1000) * 1e6 + Number(fraction.padEnd(6, "0").slice(0, 6));
}

/** The RFC 3339 form of microseconds since the epoch. */
export function fromMicros(us: number): string {
  const whole = Math.floor(us / 1e6);
  const fraction = String(Math.round(us - whole * 1e6)).padStart(6, "0");
  return `${new Date(whole * 1000).toISOString().slice(0, 19)}.${fraction}Z`;
}

interface Parts {
  year: number;
  month: number;
  day: number;
  hour: number;
  minute: number;
  second: number;
  fraction: number;
}

function parts(us: number, clock: Clock): Parts {
  const date = new Date(Math.floor(us / 1000));
  const fraction = Math.floor(((us % 1e6) + 1e6) % 1e6);
  if (clock === "utc") {
    return {
      year: date.getUTCFullYear(),
      month: date.getUTCMonth() + 1,
      day: date.getUTCDate(),
      hour: date.getUTCHours(),
      minute: date.getUTCMinutes(),
      second: date.getUTCSeconds(),
      fraction,
    };
  }
  return {
    year: date.getFullYear(),
    month: date.getMonth() + 1,
    day: date.getDate(),
    hour: date.getHours(),
    minute: date.getMinutes(),
    second: date.getSeconds(),
    fraction,
  };
}

const two = (value: number) => String(value).padStart(2, "0");

/** The time of day with milliseconds: `21:52:51.158`. */
export function timeOfDay(us: number, clock: Clock): string {
  const p = parts(us, clock);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}.${String(Math.floor(p.fraction / 1000)).padStart(3, "0")}`;
}

/** The time of day, with the day where it is not today: `21:52:51.158`, `11-25 21:52:51.158`, `2016-11-25 21:52:51`. */
export function dayAndTime(us: number, clock: Clock, nowUs: number): string {
  const of = day(us, clock);
  const today = day(nowUs, clock);
  if (of === today) return timeOfDay(us, clock);
  const isThisYear = of.slice(0, 4) === today.slice(0, 4);
  return isThisYear ? `${of.slice(5)} ${timeOfDay(us, clock)}` : `${of} ${clockTime(us, clock)}`;
}

/** The time of day to the second: `21:52:51`. */
export function clockTime(us: number, clock: Clock): string {
  const p = parts(us, clock);
  return `${two(p.hour)}:${two(p.minute)}:${two(p.second)}`;
}

/** The day: `2026-11-25`. */
export function day(us: number, clock: Clock): string {
  const p = parts(us, clock);
  return `${p.year}-${two(p.month)}-${two(p.day)}`;
}

/** Day and time to the microsecond, with the zone: `2026-11-25 21:52:51.158207 UTC`. */
export function precise(us: number, clock: Clock): string {
  const p = parts(us, clock);
  const zone = clock === "utc" ? "UTC" : offset(us);
  return `${day(us, clock)} ${clockTime(us, clock)}.${String(p.fraction).padStart(6, "0")} ${zone}`;
}

/** How long ago: `now`, `12 s`, `4 min`, `3 h`, `2 d`. */
export function ago(us: number, nowUs: number): string {
  const seconds = (nowUs - us) / 1e6;
  if (seconds < 1) return "now";
  if (seconds < 100) return `${Math.floor(seconds)} s`;
  if (seconds < 6000) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 172_800) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} d`;
}

/** A time span in few words: the day is told only where it is not today or the ends differ in it. */
export function span(fromUs: number, toUs: number, clock: Clock, nowUs: number): string {
  const fromDay = day(fromUs, clock);
  const toDay = day(toUs, clock);
  const isToday = fromDay === day(nowUs, clock);
  const time = toUs - fromUs < 10e6 ? timeOfDay : clockTime;
  if (fromDay === toDay) {
    return `${isToday ? "" : `${fromDay} `}${time(fromUs, clock)} – ${time(toUs, clock)}`;
  }
  return `${fromDay} ${clockTime(fromUs, clock)} – ${toDay} ${clockTime(toUs, clock)}`;
}

function offset(us: number): string {
  const minutes = -new Date(us / 1000).getTimezoneOffset();
  if (minutes === 0) return "UTC";
  const size = Math.abs(minutes);
  return `UTC${minutes < 0 ? "−" : "+"}${two(Math.floor(size / 60))}:${two(size % 60)}`;
}
