import { Anchor, Group, Stack, Text } from "@mantine/core";
import { IconCircleCheck } from "@tabler/icons-react";
import { Link } from "react-router";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { stateOf } from "../../model/state";
import { Section } from "../../parts/Section";
import { StateBadge } from "../../parts/StateBadge";

const SHOWN = 6;

/** Tenants that are not Ready, and why. */
export function Attention({ tenants }: { tenants: Tenant[] }) {
  const open = tenants.map((tenant) => ({ tenant, state: stateOf(tenant) })).filter(({ state }) => state.name !== "Ready");
  return (
    <Section title="Needs attention">
      {open.length === 0 && (
        <Group gap="sm" wrap="nowrap">
          <IconCircleCheck size={22} color="var(--good)" aria-hidden />
          <Text size="sm">{tenants.length === 0 ? "Nothing to look after yet." : "Every tenant is ready."}</Text>
        </Group>
      )}
      <Stack gap="sm">
        {open.slice(0, SHOWN).map(({ tenant, state }) => (
          <div key={tenant.name}>
            <Group gap="sm">
              <Anchor component={Link} to={`/tenants/${tenant.name}`} fw={600}>{tenant.name}</Anchor>
              <StateBadge state={state.name} />
            </Group>
            <Text size="sm" c="dimmed">{state.why}</Text>
          </div>
        ))}
      </Stack>
      {open.length > SHOWN && <Anchor component={Link} to="/tenants?state=open" size="sm">All {open.length}</Anchor>}
    </Section>
  );
}
