import { isKind } from "./errors";

/**
 * How far the caller sees: everything, or only tenant by tenant.
 *
 * A refused call is recorded in the history of the platform, so the answer is kept for as long as the tab lives.
 */
export async function byReach<T>(
  what: "audit" | "cost",
  username: string,
  everything: () => Promise<T>,
  perTenant: () => Promise<T>,
): Promise<T> {
  const key = `tenantry.reach.${what}.${username}`;
  if (sessionStorage.getItem(key) === "tenant") return perTenant();
  try {
    return await everything();
  } catch (error) {
    if (!isKind(error, "forbidden")) throw error;
    sessionStorage.setItem(key, "tenant");
    return perTenant();
  }
}

/** Tenants asked one by one; who sees more tenants sees everything. */
export const TENANTS_ONE_BY_ONE = 20;
