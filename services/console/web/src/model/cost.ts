import type { CostReport, CostRow } from "../gen/tenantry/showback/v1/showback_pb";
import { parseMoney } from "./money";

export const IDLE = "__idle__";
export const UNALLOCATED = "__unallocated__";

/** What people read for a tenant of a report. */
export function tenantLabel(tenant: string): string {
  if (tenant === IDLE) return "Idle capacity";
  if (tenant === UNALLOCATED) return "Outside tenants";
  return tenant;
}

export function explainTenant(tenant: string): string | undefined {
  if (tenant === IDLE) return "Capacity of the nodes that nobody asked for.";
  if (tenant === UNALLOCATED) return "Pods in namespaces that no tenant owns, such as kube-system.";
  return undefined;
}

export interface Cost {
  currency: string;
  total: bigint;
  rows: CostRow[];
}

/** Reports as one. Every part is in it, so that parts add up to the total. */
export function merge(reports: CostReport[]): Cost {
  return {
    currency: reports[0]?.currency ?? "",
    total: reports.reduce((sum, report) => sum + parseMoney(report.totalCost), 0n),
    rows: reports.flatMap((report) => report.rows),
  };
}

function rank(part: string): number {
  return part === IDLE ? 2 : part === UNALLOCATED ? 1 : 0;
}

/** Sums by a key, dearest first; what is nobody's comes last. */
export function sumBy(rows: CostRow[], key: (row: CostRow) => string): [string, bigint][] {
  const sums = new Map<string, bigint>();
  for (const row of rows) sums.set(key(row), (sums.get(key(row)) ?? 0n) + parseMoney(row.totalCost));
  return [...sums].sort(
    ([a, one], [b, other]) => rank(a) - rank(b) || (other === one ? a.localeCompare(b) : other > one ? 1 : -1),
  );
}

/** The last `days` UTC days, oldest first, as YYYY-MM-DD: days without use are days too. */
export function lastDays(days: number, now = new Date()): string[] {
  const today = Date.UTC(now.getUTCFullYear(), now.getUTCMonth(), now.getUTCDate());
  return Array.from({ length: days }, (_, back) =>
    new Date(today - (days - 1 - back) * 86_400_000).toISOString().slice(0, 10),
  );
}
