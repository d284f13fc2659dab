import { Group, SimpleGrid, Text } from "@mantine/core";
import { IconBox, IconGauge, IconUsersGroup } from "@tabler/icons-react";
import { Link } from "react-router";
import { TENANTS_MAX } from "../../api/tenants";
import type { Quota, Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { namespaceCount, stateOf } from "../../model/state";
import classes from "./Counts.module.css";

function count(number: number, one: string, many = `${one}s`): string {
  return `${number} ${number === 1 ? one : many}`;
}

/** How much there is. */
export function Counts({ tenants, quotas }: { tenants: Tenant[]; quotas: Quota[] | null }) {
  const ready = tenants.filter((tenant) => stateOf(tenant).name === "Ready").length;
  const namespaces = tenants.reduce((sum, tenant) => sum + namespaceCount(tenant), 0);
  const named = new Set(tenants.map((tenant) => tenant.spec?.quota).filter(Boolean)).size;
  const cut = tenants.length >= TENANTS_MAX ? "+" : "";
  return (
    <SimpleGrid cols={{ base: 1, xs: 3 }} spacing="lg">
      <Tile Icon={IconUsersGroup} title="Tenants" number={`${tenants.length}${cut}`} note={`${ready} ready`} to="/tenants" />
      <Tile Icon={IconBox} title="Namespaces" number={`${namespaces}${cut}`} note={`in ${count(tenants.length, "tenant")}`} />
      <Tile Icon={IconGauge} title="Quotas" number={quotas ? `${quotas.length}` : `${named}`} note={`${named} in use`} />
    </SimpleGrid>
  );
}

interface TileProps {
  Icon: typeof IconBox;
  title: string;
  number: string;
  note: string;
  to?: string;
}

function Tile({ Icon, title, number, note, to }: TileProps) {
  return (
    <section className={`card ${classes.tile}`} aria-label={title}>
      <Group justify="space-between" align="flex-start" wrap="nowrap">
        <Text size="sm" c="dimmed" fw={550}>{to ? <Link className={classes.link} to={to}>{title}</Link> : title}</Text>
        <span className={classes.sign}><Icon size={20} stroke={1.7} aria-hidden /></span>
      </Group>
      <Text className="num" fz={34} fw={700} lh={1.1}>{number}</Text>
      <Text size="sm" c="dimmed">{note}</Text>
    </section>
  );
}
