import { Group, Text } from "@mantine/core";
import { percent } from "../model/quantity";

interface Usage {
  resource: string;
  used: string;
  hard: string;
}

function tone(share: number): string {
  return share >= 90 ? "var(--bad)" : share >= 75 ? "var(--warn)" : "var(--mantine-color-anchor)";
}

/** Use of one resource: numbers first, the bar repeats them. */
export function UsageBar({ usage, label }: { usage: Usage; label?: React.ReactNode }) {
  const share = percent(usage.used, usage.hard);
  const shown = share === null ? "" : `${Math.round(share)} %`;
  return (
    <div>
      <Group justify="space-between" gap="sm" wrap="nowrap" mb={4}>
        <Text size="sm" fw={500} component="span">{label ?? usage.resource}</Text>
        <Text size="sm" component="span" className="num" style={{ whiteSpace: "nowrap" }}>
          {usage.used || "0"} of {usage.hard} <Text span c="dimmed" size="sm">{shown}</Text>
        </Text>
      </Group>
      <div aria-hidden style={{ height: 7, borderRadius: 4, background: "var(--track)", overflow: "hidden" }}>
        <div style={{ height: "100%", width: `${Math.min(100, share ?? 0)}%`, minWidth: share ? 3 : 0, borderRadius: 4, background: tone(share ?? 0) }} />
      </div>
    </div>
  );
}
