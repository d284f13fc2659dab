import { Tabs, Text } from "@mantine/core";
import { useParams, useSearchParams } from "react-router";
import { useTenant } from "../../api/tenants";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { membersOf, namespaceCount, stateOf } from "../../model/state";
import { Failed } from "../../parts/Notice";
import { Page } from "../../parts/Page";
import { Answer } from "../../parts/Section";
import { StateBadge } from "../../parts/StateBadge";
import { Activity } from "./Activity";
import { Drift } from "./Drift";
import { Members } from "./Members";
import { Namespaces } from "./Namespaces";
import { Overview } from "./Overview";
import { TenantCost } from "./TenantCost";

export function TenantPage() {
  const { tenant: name = "" } = useParams();
  const asked = useTenant(name);
  if (asked.error && !asked.data) return <Failed error={asked.error} retry={() => void asked.refetch()} />;
  const state = asked.data && stateOf(asked.data);
  return (
    <Page title={name} above={[{ label: "Tenants", to: "/tenants" }]} beside={state && <StateBadge state={state.name} />} lead={asked.data?.spec?.description}>
      {state?.why && <Text mb="md" role="status">{state.why}</Text>}
      <Answer of={asked} rows={8}>{(tenant) => tenant && <Tabbed tenant={tenant} />}</Answer>
    </Page>
  );
}

/** The tab is in the address, so that a link leads to it. */
function Tabbed({ tenant }: { tenant: Tenant }) {
  const [query, setQuery] = useSearchParams();
  const tabs = [
    { value: "overview", label: "Overview", panel: <Overview tenant={tenant} /> },
    { value: "namespaces", label: `Namespaces (${namespaceCount(tenant)})`, panel: <Namespaces tenant={tenant.name} /> },
    { value: "members", label: `Members (${membersOf(tenant).length})`, panel: <Members tenant={tenant} /> },
    { value: "cost", label: "Cost", panel: <TenantCost tenant={tenant.name} /> },
    { value: "activity", label: "Activity", panel: <Activity tenant={tenant.name} /> },
    { value: "drift", label: "Drift", panel: <Drift tenant={tenant.name} /> },
  ];
  const asked = query.get("tab");
  const current = tabs.find(({ value }) => value === asked)?.value ?? "overview";
  return (
    <Tabs value={current} keepMounted={false} onChange={(tab) => setQuery(tab && tab !== "overview" ? { tab } : {})}>
      <Tabs.List mb="lg">{tabs.map(({ value, label }) => <Tabs.Tab key={value} value={value}>{label}</Tabs.Tab>)}</Tabs.List>
      {tabs.map(({ value, panel }) => <Tabs.Panel key={value} value={value}>{panel}</Tabs.Panel>)}
    </Tabs>
  );
}
