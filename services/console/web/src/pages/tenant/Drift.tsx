import { Button, Code, Text } from "@mantine/core";
import { useDrift } from "../../api/tenants";
import type { RevertedDrift } from "../../gen/tenantry/tenant/v1/history_pb";
import { DataTable, type Column } from "../../parts/DataTable";
import { Empty } from "../../parts/Notice";
import { Answer, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";

const columns: Column<RevertedDrift>[] = [
  { title: "Put back", cell: ({ revertTime }) => <Time at={revertTime} /> },
  { title: "Object", isName: true, cell: ({ drift }) => `${drift?.kind ?? ""} ${drift?.name ?? ""}` },
  { title: "Namespace", cell: ({ drift }) => drift?.namespace || "—" },
  { title: "Changed by", cell: ({ drift }) => drift?.fieldManager || <Text size="sm" span c="dimmed">not known</Text> },
  { title: "What", cell: ({ drift }) => <Code style={{ overflowWrap: "anywhere" }}>{drift?.difference}</Code> },
];

/** Changes by others to what is the tenant's, as they were put back. */
export function Drift({ tenant }: { tenant: string }) {
  const drift = useDrift(tenant);
  return (
    <Answer of={drift} rows={8}>
      {({ pages }) => {
        const rows = pages.flatMap((page) => page.drifts);
        if (rows.length === 0) return <Empty title="No drift">Whatever others change in this tenant's objects is put back, and appears here.</Empty>;
        return (
          <Section title="Changes that were put back">
            <DataTable isDense widthMin={760} caption={`Drift of ${tenant}`} columns={columns} rows={rows} rowKey={({ id }) => id} />
            {drift.hasNextPage && <Button mt="md" variant="default" loading={drift.isFetchingNextPage} onClick={() => void drift.fetchNextPage()}>Show older</Button>}
          </Section>
        );
      }}
    </Answer>
  );
}
