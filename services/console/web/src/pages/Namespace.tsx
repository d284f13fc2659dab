import { SimpleGrid, Stack, Text } from "@mantine/core";
import { useParams } from "react-router";
import { GroupBy, useTenantCost } from "../api/cost";
import { useNamespaces } from "../api/tenants";
import type { Namespace } from "../gen/tenantry/tenant/v1/tenant_pb";
import { merge, sumBy } from "../model/cost";
import { CopyLine } from "../parts/CopyLine";
import { Money } from "../parts/Money";
import { Failed } from "../parts/Notice";
import { Page } from "../parts/Page";
import { Answer, Section } from "../parts/Section";
import { Pill } from "../parts/StateBadge";
import { Time } from "../parts/Time";
import { UsageBar } from "../parts/UsageBar";
import { NotFound } from "./NotFound";

const DAYS = 30;
const by = [GroupBy.NAMESPACE];

export function NamespacePage() {
  const { tenant = "", namespace: name = "" } = useParams();
  const asked = useNamespaces(tenant);
  const namespace = asked.data?.find((one) => one.name === name);
  if (asked.error && !asked.data) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  if (asked.data && !namespace) return <NotFound />;
  return (
    <Page title={name} above={[{ label: "Tenants", to: "/tenants" }, { label: tenant, to: `/tenants/${tenant}` }]}
      beside={namespace && <Pill tone={namespace.isActive ? "good" : "warn"}>{namespace.isActive ? "Active" : "Terminating"}</Pill>}>
      <Answer of={asked} rows={8}>{() => namespace && <Body namespace={namespace} />}</Answer>
    </Page>
  );
}

function Body({ namespace }: { namespace: Namespace }) {
  const { name, tenant, kind, createTime, quota } = namespace;
  return (
    <Stack gap="lg">
      <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
        <Section title="Quota">
          {quota.length === 0 && <Text size="sm" c="dimmed">No quota is enforced here.</Text>}
          <Stack gap="md">{quota.map((usage) => <UsageBar key={usage.resource} usage={usage} />)}</Stack>
        </Section>
        <Section title="Namespace">
          <dl className="facts">
            <dt>Tenant</dt><dd>{tenant}</dd>
            {kind && <><dt>Kind</dt><dd>{kind}</dd></>}
            <dt>Made</dt><dd><Time at={createTime} /></dd>
            <dt>Cost, 30 days</dt><dd><NamespaceCost tenant={tenant} name={name} /></dd>
          </dl>
        </Section>
      </SimpleGrid>
      <Section title="On the command line">
        <Stack gap="xs">
          <CopyLine line={`kubectl get pods -n ${name}`} />
          <CopyLine line={`kubectl describe quota -n ${name}`} />
        </Stack>
      </Section>
    </Stack>
  );
}

function NamespaceCost({ tenant, name }: { tenant: string; name: string }) {
  const report = useTenantCost(tenant, DAYS, by);
  if (report.error) return <>not known</>;
  if (!report.data) return <>…</>;
  const cost = merge([report.data]);
  const sum = sumBy(cost.rows, (row) => row.namespace).find(([namespace]) => namespace === name)?.[1];
  return <Money sum={sum ?? 0n} currency={cost.currency} />;
}
