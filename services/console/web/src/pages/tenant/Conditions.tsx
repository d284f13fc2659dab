import { Text } from "@mantine/core";
import type { Condition } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { DataTable } from "../../parts/DataTable";
import { Pill } from "../../parts/StateBadge";
import { Time } from "../../parts/Time";

/** Ready is well when True; what is abnormal is well when False. */
function tone({ type, status }: Condition): string {
  if (status === "Unknown") return "calm";
  const isAbnormal = type === "Stalled" || type === "Reconciling";
  return (status === "True") === isAbnormal ? "warn" : "good";
}

export function Conditions({ conditions, generation }: { conditions: Condition[]; generation: bigint }) {
  if (conditions.length === 0) return <Text size="sm" c="dimmed">The controller has not looked at this tenant yet.</Text>;
  return (
    <DataTable isDense caption="Conditions of the tenant" rows={conditions} rowKey={(one) => one.type}
      columns={[
        { title: "Condition", isName: true, cell: (one) => one.type },
        { title: "Status", cell: (one) => <Pill tone={tone(one)}>{one.status}</Pill> },
        { title: "Reason", cell: (one) => one.reason },
        {
          title: "Message",
          cell: (one) => (
            <Text size="sm" span style={{ overflowWrap: "anywhere" }}>
              {one.message || "—"}{one.observedGeneration < generation && " (of an earlier change)"}
            </Text>
          ),
        },
        { title: "Since", cell: (one) => <Time at={one.lastTransitionTime} /> },
      ]} />
  );
}
