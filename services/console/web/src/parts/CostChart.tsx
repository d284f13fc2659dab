import { BarChart } from "@mantine/charts";
import { Group, Text } from "@mantine/core";
import type { CostRow } from "../gen/tenantry/showback/v1/showback_pb";
import { IDLE, lastDays, sumBy, UNALLOCATED } from "../model/cost";
import { formatMoney, parseMoney, toNumber } from "../model/money";

const palette = ["harbor.6", "blue.6", "yellow.7", "grape.6", "orange.7", "cyan.7", "pink.6", "lime.8"];
/** More parts than this cannot be told apart; the table beside the chart has them all. */
const PARTS_MAX = palette.length;

interface CostChartProps {
  rows: CostRow[];
  currency: string;
  days: number;
  part: (row: CostRow) => string;
  label: (part: string) => string;
  what: string;
}

function color(part: string, at: number): string {
  if (part === IDLE) return "gray.5";
  if (part === UNALLOCATED) return "gray.7";
  return palette[at % PARTS_MAX] ?? "gray.6";
}

/** Cost per day, stacked by part. A table with the same sums always stands beside it, so it is hidden from screen readers. */
export function CostChart({ rows, currency, days, part, label, what }: CostChartProps) {
  const parts = sumBy(rows, part).map(([name]) => name);
  const shown = parts.slice(0, PARTS_MAX);
  const data = lastDays(days).map((day) => {
    const point: Record<string, string | number> = { day: shortDay(day) };
    for (const name of shown) {
      const sum = rows.filter((row) => row.day === day && part(row) === name);
      point[name] = toNumber(sum.reduce((total, row) => total + parseMoney(row.totalCost), 0n));
    }
    return point;
  });
  const series = shown.map((name, at) => ({ name, label: label(name), color: color(name, at) }));
  return (
    <figure style={{ margin: 0 }} aria-label={`${what} per day; the table beside it has the sums`}>
      <div aria-hidden>
        <BarChart h={220} data={data} dataKey="day" type="stacked" series={series} gridAxis="x" tickLine="none" strokeDasharray="3 4"
          valueFormatter={(value) => money(value, currency)} maxBarWidth={42} barProps={{ isAnimationActive: false }}
          barChartProps={{ accessibilityLayer: false }} yAxisProps={{ width: 92 }} />
        <Group gap="md" mt="xs" justify="center">
          {series.map((one) => (
            <Group key={one.name} gap={6}>
              <span style={{ width: 10, height: 10, borderRadius: 3, background: `var(--mantine-color-${one.color.replace(".", "-")})` }} />
              <Text size="xs" span>{one.label}</Text>
            </Group>
          ))}
        </Group>
      </div>
    </figure>
  );
}

function money(value: number, currency: string): string {
  return formatMoney(BigInt(Math.round(value * 1e10)), currency);
}

function shortDay(day: string): string {
  return new Intl.DateTimeFormat("en", { month: "short", day: "numeric", timeZone: "UTC" }).format(new Date(`${day}T00:00:00Z`));
}
