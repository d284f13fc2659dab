import { SimpleGrid, Stack } from "@mantine/core";
import { useSession } from "../../api/session";
import { useAllTenants, useQuotas } from "../../api/tenants";
import { Page } from "../../parts/Page";
import { Answer } from "../../parts/Section";
import { Attention } from "./Attention";
import { Counts } from "./Counts";
import { FirstRun } from "./FirstRun";
import { Recent } from "./Recent";
import { TightQuotas } from "./TightQuotas";
import { WeekCost } from "./WeekCost";

export function Dashboard() {
  const username = useSession().data?.username ?? "";
  const tenants = useAllTenants();
  const quotas = useQuotas();
  return (
    <Page title="Dashboard">
      <Answer of={tenants} rows={8}>
        {(found) => {
          const own = found.map((tenant) => tenant.name);
          return (
            <Stack gap="lg">
              {found.length === 0 && !quotas.isLoading && <FirstRun hasQuota={(quotas.data?.length ?? 0) > 0} mayNot={quotas.data === null} />}
              <Counts tenants={found} quotas={quotas.data ?? null} />
              <WeekCost username={username} own={own} />
              <SimpleGrid cols={{ base: 1, md: 2 }} spacing="lg">
                <Attention tenants={found} />
                <TightQuotas quotas={quotas.data ?? []} />
              </SimpleGrid>
              <Recent username={username} own={own} />
            </Stack>
          );
        }}
      </Answer>
    </Page>
  );
}
