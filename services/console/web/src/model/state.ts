import type { Condition, Tenant } from "../gen/tenantry/tenant/v1/tenant_pb";

export type StateName = "Ready" | "Reconciling" | "Stalled" | "Not ready" | "Deleting" | "Paused" | "Unknown";

export interface State {
  name: StateName;
  /** Why, for people; empty when all is well. */
  why: string;
}

function condition(tenant: Tenant, type: string): Condition | undefined {
  return tenant.status?.conditions.find((one) => one.type === type);
}

/** The one word for a tenant, by kstatus: what is abnormal comes before Ready. */
export function stateOf(tenant: Tenant): State {
  if (tenant.deleteTime) return { name: "Deleting", why: "Deletion was asked for." };
  if (tenant.isPaused) return { name: "Paused", why: "Somebody paused it: its spec is not applied, and drift stays." };
  const stalled = condition(tenant, "Stalled");
  if (stalled?.status === "True") return { name: "Stalled", why: words(stalled) };
  const ready = condition(tenant, "Ready");
  if (ready?.status === "True" || (!ready && tenant.status?.isReady)) return { name: "Ready", why: "" };
  const reconciling = condition(tenant, "Reconciling");
  if (reconciling?.status === "True") return { name: "Reconciling", why: words(reconciling) };
  if (!ready || ready.status === "Unknown") return { name: "Unknown", why: ready ? words(ready) : "Not observed yet." };
  return { name: "Not ready", why: words(ready) };
}

function words(found: Condition): string {
  return found.message || found.reason;
}

export function namespaceCount(tenant: Tenant): number {
  const status = tenant.status;
  return new Set([...(status?.deployedNamespaces ?? []), ...(status?.managedNamespaces ?? [])]).size;
}

export type Role = "Owner" | "Editor" | "Viewer";

export interface Member {
  name: string;
  kind: "User" | "Group";
  role: Role;
}

export function membersOf(tenant: Tenant): Member[] {
  const access = tenant.spec?.accessControl;
  const roles = [["Owner", access?.owners], ["Editor", access?.editors], ["Viewer", access?.viewers]] as const;
  return roles.flatMap(([role, members]) => [
    ...(members?.users ?? []).map((name) => ({ name, kind: "User" as const, role })),
    ...(members?.groups ?? []).map((name) => ({ name, kind: "Group" as const, role })),
  ]);
}
