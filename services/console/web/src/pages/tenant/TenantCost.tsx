import { SimpleGrid, Stack, Text } from "@mantine/core";
import { GroupBy, useTenantCost } from "../../api/cost";
import { merge, sumBy } from "../../model/cost";
import { CostChart } from "../../parts/CostChart";
import { CostTable } from "../../parts/CostTable";
import { Money } from "../../parts/Money";
import { Empty } from "../../parts/Notice";
import { Answer, Section } from "../../parts/Section";
import { Time } from "../../parts/Time";

const DAYS = 7;
const by = [GroupBy.NAMESPACE, GroupBy.DAY];

/** What the tenant cost, by namespace and day. */
export function TenantCost({ tenant }: { tenant: string }) {
  return (
    <Answer of={useTenantCost(tenant, DAYS, by)} rows={6}>
      {(report) => {
        const cost = merge(report ? [report] : []);
        if (!report || cost.rows.length === 0) return <Empty title="No cost yet">It appears with the first pod of the tenant.</Empty>;
        return (
          <Stack gap="lg">
            <Section title="Cost by namespace, last 7 days" beside={<Text fw={700} fz="lg"><Money sum={cost.total} currency={cost.currency} /></Text>}>
              <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
                <CostChart rows={cost.rows} currency={cost.currency} days={DAYS} part={(row) => row.namespace} label={(name) => name} what="Cost by namespace" />
                <CostTable title="Namespace" caption="Cost of the last seven days by namespace" sums={sumBy(cost.rows, (row) => row.namespace)}
                  total={cost.total} currency={cost.currency} link={(name) => `/tenants/${tenant}/namespaces/${name}`} />
              </SimpleGrid>
            </Section>
            <Text size="sm" c="dimmed">
              Prices: {report.priceBook}. Basis: {report.usageBasis.replaceAll("_", " ")}. Observed up to <Time at={report.asOf} />.
              {report.priceNotes.map((note) => ` ${note}`)}
            </Text>
          </Stack>
        );
      }}
    </Answer>
  );
}
