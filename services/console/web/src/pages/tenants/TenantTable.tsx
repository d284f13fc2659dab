import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import { GroupBy, useCost } from "../../api/cost";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { merge, sumBy } from "../../model/cost";
import { membersOf, namespaceCount, stateOf } from "../../model/state";
import { DataTable } from "../../parts/DataTable";
import { Money } from "../../parts/Money";
import { StateBadge } from "../../parts/StateBadge";
import { Time } from "../../parts/Time";

const DAYS = 30;
const by = [GroupBy.TENANT];

/** One line per tenant. Cost comes a moment later and is not waited for. */
export function TenantTable({ tenants, username }: { tenants: Tenant[]; username: string }) {
  const reports = useCost(DAYS, by, username, tenants.map((tenant) => tenant.name));
  const cost = merge(reports.data ?? []);
  const sums = new Map(sumBy(cost.rows, (row) => row.tenant));
  const costOf = (name: string) => {
    if (reports.data === undefined) return <Text span size="sm" c="dimmed">{reports.error ? "not known" : "…"}</Text>;
    const sum = sums.get(name);
    return sum === undefined && cost.currency === "" ? "—" : <Money sum={sum ?? 0n} currency={cost.currency} />;
  };
  return (
    <div className="card" style={{ padding: "0.4rem 0.75rem" }}>
      <DataTable caption="Tenants" rows={tenants} rowKey={(tenant) => tenant.name}
        columns={[
          { title: "Name", isName: true, cell: ({ name }) => <Anchor component={Link} to={`/tenants/${name}`} fw={600}>{name}</Anchor> },
          { title: "State", cell: (tenant) => <StateBadge state={stateOf(tenant).name} /> },
          { title: "Quota", cell: (tenant) => tenant.spec?.quota || "—" },
          { title: "Namespaces", isNumber: true, cell: namespaceCount },
          { title: "Members", isNumber: true, cell: (tenant) => membersOf(tenant).length },
          { title: "Cost, 30 days", isNumber: true, cell: ({ name }) => costOf(name) },
          { title: "Made", cell: (tenant) => <Time at={tenant.createTime} /> },
        ]} />
    </div>
  );
}
