import { Anchor, Group, Text } from "@mantine/core";
import { IconBox } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";

/** The names only; the tab beside has their quotas. */
export function NamespaceLinks({ tenant }: { tenant: Tenant }) {
  const status = tenant.status;
  const names = [...new Set([...(status?.deployedNamespaces ?? []), ...(status?.managedNamespaces ?? [])])].sort();
  if (names.length === 0) return <Text size="sm" c="dimmed">None yet.</Text>;
  return (
    <Group gap="sm">
      {names.map((name) => (
        <Anchor key={name} component={Link} to={`/tenants/${tenant.name}/namespaces/${name}`} size="sm" fw={550}
          style={{ display: "inline-flex", alignItems: "center", gap: 6, padding: "0.35rem 0.7rem", borderRadius: 8, background: "var(--calm-back)" }}>
          <IconBox size={15} stroke={1.7} aria-hidden />{name}
        </Anchor>
      ))}
    </Group>
  );
}
