import { SimpleGrid, Text } from "@mantine/core";
import { GroupBy, useCost } from "../../api/cost";
import { merge, sumBy, tenantLabel } from "../../model/cost";
import { CostChart } from "../../parts/CostChart";
import { CostTable } from "../../parts/CostTable";
import { Money } from "../../parts/Money";
import { Answer, Section } from "../../parts/Section";

const DAYS = 7;
const by = [GroupBy.TENANT, GroupBy.DAY];

/** Cost of the last seven days, by tenant. */
export function WeekCost({ username, own }: { username: string; own: string[] }) {
  const reports = useCost(DAYS, by, username, own);
  const cost = merge(reports.data ?? []);
  const beside = cost.rows.length > 0 && <Text fw={700} fz="lg"><Money sum={cost.total} currency={cost.currency} /></Text>;
  return (
    <Section title="Cost, last 7 days" beside={beside}>
      <Answer of={reports}>
        {() =>
          cost.rows.length === 0 ? (
            <Text size="sm" c="dimmed">No samples yet. Cost appears with the first pod of a tenant.</Text>
          ) : (
            <SimpleGrid cols={{ base: 1, md: 2 }} spacing="xl">
              <CostChart rows={cost.rows} currency={cost.currency} days={DAYS} part={(row) => row.tenant} label={tenantLabel} what="Cost by tenant" />
              <CostTable title="Tenant" caption="Cost of the last seven days by tenant" sums={sumBy(cost.rows, (row) => row.tenant)}
                total={cost.total} currency={cost.currency} link={(tenant) => `/tenants/${tenant}?tab=cost`} />
            </SimpleGrid>
          )
        }
      </Answer>
    </Section>
  );
}
