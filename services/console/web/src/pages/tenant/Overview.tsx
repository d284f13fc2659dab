import { SimpleGrid, Stack } from "@mantine/core";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { membersOf } from "../../model/state";
import { CopyLine } from "../../parts/CopyLine";
import { Section } from "../../parts/Section";
import { Time } from "../../parts/Time";
import { Conditions } from "./Conditions";
import { NamespaceLinks } from "./NamespaceLinks";

/** What is wanted, what is observed. */
export function Overview({ tenant }: { tenant: Tenant }) {
  const owners = membersOf(tenant).filter(({ role }) => role === "Owner").map(({ name }) => name);
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Section title="Tenant">
          <dl className="facts">
            <dt>Quota</dt><dd>{tenant.spec?.quota || "none"}</dd>
            <dt>Owners</dt><dd>{owners.join(", ") || "none"}</dd>
            <dt>Made</dt><dd><Time at={tenant.createTime} /></dd>
            <dt>When deleted</dt>
            <dd>{tenant.spec?.namespaces?.onDeletePurgeNamespaces ? "its namespaces go with it" : "its namespaces stay"}</dd>
          </dl>
        </Section>
        <Section title="Namespaces"><NamespaceLinks tenant={tenant} /></Section>
      </SimpleGrid>
      <Section title="Conditions"><Conditions conditions={tenant.status?.conditions ?? []} generation={tenant.generation} /></Section>
      <Section title="On the command line"><CopyLine line={`kubectl get tenant ${tenant.name} -o yaml`} /></Section>
    </Stack>
  );
}
