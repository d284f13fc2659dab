import { Anchor, Stack, Text } from "@mantine/core";
import { Link } from "react-router";
import type { Quota } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { percent } from "../../model/quantity";
import { Section } from "../../parts/Section";
import { UsageBar } from "../../parts/UsageBar";

const SHOWN = 5;

/** The budgets that are nearest to their end. */
export function TightQuotas({ quotas }: { quotas: Quota[] }) {
  const lines = quotas
    .flatMap((quota) => quota.tenants.flatMap(({ tenant, resources }) => resources.map((usage) => ({ quota: quota.name, tenant, usage }))))
    .map((line) => ({ ...line, share: percent(line.usage.used, line.usage.hard) ?? -1 }))
    .sort((one, other) => other.share - one.share)
    .slice(0, SHOWN);
  return (
    <Section title="Fullest quotas">
      {lines.length === 0 && <Text size="sm" c="dimmed">No quota is in use yet.</Text>}
      <Stack gap="md">
        {lines.map(({ quota, tenant, usage }) => (
          <UsageBar key={`${quota}/${tenant}/${usage.resource}`} usage={usage}
            label={<><Anchor component={Link} to={`/tenants/${tenant}`} size="sm">{tenant}</Anchor> {usage.resource}</>} />
        ))}
      </Stack>
    </Section>
  );
}
