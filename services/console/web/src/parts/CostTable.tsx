import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import { explainTenant, IDLE, tenantLabel, UNALLOCATED } from "../model/cost";
import { toNumber } from "../model/money";
import { DataTable } from "./DataTable";
import { Money } from "./Money";

interface CostTableProps {
  sums: [string, bigint][];
  total: bigint;
  currency: string;
  title: string;
  caption: string;
  link: (part: string) => string;
}

function share(sum: bigint, total: bigint): string {
  return total === 0n ? "—" : `${((toNumber(sum) / toNumber(total)) * 100).toFixed(1)} %`;
}

/** Every part and the total they add up to. */
export function CostTable({ sums, total, currency, title, caption, link }: CostTableProps) {
  const name = (part: string) =>
    part === IDLE || part === UNALLOCATED || part === "" ? (
      <>
        {tenantLabel(part) || "—"}
        <Text size="xs" c="dimmed" fw={400}>{explainTenant(part)}</Text>
      </>
    ) : (
      <Anchor component={Link} to={link(part)} size="sm" fw={600}>{part}</Anchor>
    );
  return (
    <DataTable isDense widthMin={0} caption={caption} rows={[...sums, ["", total] as [string, bigint]]} rowKey={([part]) => part || "total"}
      columns={[
        { title, isName: true, cell: ([part]) => (part === "" ? "Total" : name(part)) },
        { title: "Cost", isNumber: true, cell: ([part, sum]) => <Text span size="sm" fw={part === "" ? 700 : 400}><Money sum={sum} currency={currency} /></Text> },
        { title: "Share", isNumber: true, cell: ([, sum]) => share(sum, total) },
      ]} />
  );
}
