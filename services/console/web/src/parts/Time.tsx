import { timestampDate, type Timestamp } from "@bufbuild/protobuf/wkt";
import { useEffect, useState } from "react";

const steps: [number, Intl.RelativeTimeFormatUnit][] = [
  [86_400_000 * 365, "year"], [86_400_000 * 30, "month"], [86_400_000, "day"], [3_600_000, "hour"], [60_000, "minute"], [1000, "second"],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });
const absolute = new Intl.DateTimeFormat("en", { dateStyle: "medium", timeStyle: "long" });

function fromNow(date: Date, now: number): string {
  const distance = date.getTime() - now;
  const [size, unit] = steps.find(([size]) => Math.abs(distance) >= size) ?? [1000, "second"];
  return relative.format(Math.trunc(distance / size), unit);
}

/** A time, relative; the absolute one with its zone as title. */
export function Time({ at }: { at: Timestamp | undefined }) {
  const now = useMinute();
  if (!at) return <>—</>;
  const date = timestampDate(at);
  return <time style={{ whiteSpace: "nowrap" }} dateTime={date.toISOString()} title={absolute.format(date)}>{fromNow(date, now)}</time>;
}

/** The clock, read often enough for words such as "3 minutes ago". */
function useMinute(): number {
  const [now, setNow] = useState(Date.now);
  useEffect(() => {
    const timer = setInterval(() => setNow(Date.now()), 30_000);
    return () => clearInterval(timer);
  }, []);
  return now;
}
