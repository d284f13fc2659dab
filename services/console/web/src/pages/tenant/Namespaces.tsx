import { Anchor, Group, SimpleGrid, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import { useNamespaces } from "../../api/tenants";
import type { Namespace } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { Empty } from "../../parts/Notice";
import { Answer } from "../../parts/Section";
import { Pill } from "../../parts/StateBadge";
import { Time } from "../../parts/Time";
import { UsageBar } from "../../parts/UsageBar";

/** Each namespace with what it uses of its quota. */
export function Namespaces({ tenant }: { tenant: string }) {
  return (
    <Answer of={useNamespaces(tenant)} rows={6}>
      {(found) =>
        found.length === 0 ? (
          <Empty title="No namespaces yet">Name some under spec.namespaces of the tenant; they appear within seconds.</Empty>
        ) : (
          <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
            {found.map((namespace) => <Card key={namespace.name} tenant={tenant} namespace={namespace} />)}
          </SimpleGrid>
        )
      }
    </Answer>
  );
}

function Card({ tenant, namespace }: { tenant: string; namespace: Namespace }) {
  const { name, isActive, quota, createTime } = namespace;
  return (
    <section className="card" aria-label={name} style={{ padding: "1.1rem 1.25rem" }}>
      <Group justify="space-between" mb="sm">
        <Anchor component={Link} to={`/tenants/${tenant}/namespaces/${name}`} fw={650}>{name}</Anchor>
        <Pill tone={isActive ? "good" : "warn"}>{isActive ? "Active" : "Terminating"}</Pill>
      </Group>
      <Stack gap="sm">
        {quota.map((usage) => <UsageBar key={usage.resource} usage={usage} />)}
        {quota.length === 0 && <Text size="sm" c="dimmed">No quota is enforced here.</Text>}
        <Text size="xs" c="dimmed">Made <Time at={createTime} /></Text>
      </Stack>
    </section>
  );
}
