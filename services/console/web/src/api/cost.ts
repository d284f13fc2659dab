import { timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@tanstack/react-query";
import { GroupBy, type CostReport } from "../gen/tenantry/showback/v1/showback_pb";
import { byReach, TENANTS_ONE_BY_ONE } from "./reach";
import { showback } from "./transport";

const DAY_MS = 86_400_000;

/** Midnight UTC, `days` ago: days of a report are UTC days. */
function daysAgo(days: number) {
  const today = Math.floor(Date.now() / DAY_MS) * DAY_MS;
  return timestampFromDate(new Date(today - (days - 1) * DAY_MS));
}

interface CostQuery {
  days: number;
  groupBy: GroupBy[];
  tenant: string;
}

async function report(query: CostQuery, signal: AbortSignal): Promise<CostReport[]> {
  const { days, groupBy, tenant } = query;
  const answer = await showback.getCostReport({ startTime: daysAgo(days), groupBy, tenant }, { signal });
  return answer.report ? [answer.report] : [];
}

/** Cost of one tenant. */
export function useTenantCost(tenant: string, days: number, groupBy: GroupBy[]) {
  const query = { days, groupBy, tenant };
  return useQuery({
    queryKey: ["cost", query],
    staleTime: 60_000,
    queryFn: async ({ signal }) => (await report(query, signal))[0] ?? null,
  });
}

/** Cost of all that the caller may see: one report, or one per tenant. */
export function useCost(days: number, groupBy: GroupBy[], username: string, own: string[]) {
  return useQuery({
    queryKey: ["cost", days, groupBy, username, own],
    staleTime: 60_000,
    queryFn: ({ signal }) =>
      byReach(
        "cost",
        username,
        () => report({ days, groupBy, tenant: "" }, signal),
        async () => {
          const asked = own.slice(0, TENANTS_ONE_BY_ONE);
          const parts = await Promise.all(asked.map((tenant) => report({ days, groupBy, tenant }, signal)));
          return parts.flat();
        },
      ),
  });
}

export { GroupBy };
