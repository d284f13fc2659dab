import { List, Stack, Text, Title } from "@mantine/core";
import { CopyLine } from "../../parts/CopyLine";

const quota = "tenantry quota create small --hard memory=8Gi,configmaps=10";
const tenant = "tenantry tenant create logistics --quota small --namespace dev,build --owner falcon@nordmart.com";

/** The first minutes of a platform: what to type. */
export function FirstRun({ hasQuota, mayNot }: { hasQuota: boolean; mayNot: boolean }) {
  if (mayNot) {
    return (
      <section className="card" style={{ padding: "1.5rem" }} aria-label="No tenants">
        <Title order={2} size="h4" mb={6}>You belong to no tenant yet</Title>
        <Text c="dimmed">Ask a platform administrator to add you as an owner, editor or viewer of a tenant.</Text>
      </section>
    );
  }
  return (
    <section className="card" style={{ padding: "1.5rem" }} aria-label="First steps">
      <Title order={2} size="h4" mb={4}>No tenants yet</Title>
      <Text c="dimmed" mb="md">A quota is a budget, a tenant is who may spend it. {hasQuota ? "A quota is there; now a tenant:" : "First a quota, then a tenant:"}</Text>
      <List type="ordered" spacing="sm" styles={{ itemWrapper: { width: "100%" }, itemLabel: { flex: 1 } }}>
        {!hasQuota && <List.Item><CopyLine line={quota} /></List.Item>}
        <List.Item><Stack gap={4}><CopyLine line={tenant} /></Stack></List.Item>
      </List>
      <Text size="sm" c="dimmed" mt="md">Manifests of the Multi Tenant Operator work as they are, by <code>kubectl apply</code>.</Text>
    </section>
  );
}
