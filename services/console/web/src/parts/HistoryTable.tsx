import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import type { History } from "../api/audit";
import type { AuditEntry } from "../gen/tenantry/audit/v1/audit_service_pb";
import { actorWords, eventWords } from "../model/audit";
import { DataTable, type Column } from "./DataTable";
import { Time } from "./Time";

const columns: Column<AuditEntry>[] = [
  { title: "When", cell: (entry) => <Time at={entry.recordTime} /> },
  { title: "What", isName: true, cell: (entry) => eventWords(entry.type) },
  { title: "Name", cell: (entry) => <Text size="sm" span style={{ overflowWrap: "anywhere" }}>{entry.name || entry.uid}</Text> },
  { title: "By", cell: actorWords },
  { title: "Service", cell: (entry) => entry.source },
];

const tenantColumn: Column<AuditEntry> = {
  title: "Tenant",
  cell: ({ tenant }) => (tenant ? <Anchor size="sm" component={Link} to={`/tenants/${tenant}`}>{tenant}</Anchor> : "—"),
};

interface HistoryTableProps {
  history: History;
  caption: string;
  rowsMax: number;
  withTenant?: boolean;
}

/** What happened, newest first; says so when a service did not answer. */
export function HistoryTable({ history, caption, rowsMax, withTenant }: HistoryTableProps) {
  const shown = history.entries.slice(0, rowsMax);
  return (
    <>
      {history.silent.length > 0 && (
        <Text size="sm" role="status" mb="xs" c="var(--warn)">Incomplete: no answer from {history.silent.join(" and ")}.</Text>
      )}
      <DataTable isDense widthMin={760} caption={caption} rows={shown} rowKey={(entry) => entry.id}
        columns={withTenant ? [...columns.slice(0, 3), tenantColumn, ...columns.slice(3)] : columns} />
    </>
  );
}
