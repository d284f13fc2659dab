import { keepPreviousData, useInfiniteQuery, useQuery } from "@tanstack/react-query";
import type { Namespace, Quota, Tenant } from "../gen/tenantry/tenant/v1/tenant_pb";
import { isKind } from "./errors";
import { tenants } from "./transport";

const PAGE_MAX = 1000;
/** Beyond this, lists say that they are cut. */
export const TENANTS_MAX = 5000;

async function all<T>(page: (token: string) => Promise<{ items: T[]; next: string }>): Promise<T[]> {
  const found: T[] = [];
  let token = "";
  do {
    const { items, next } = await page(token);
    found.push(...items);
    token = next;
  } while (token !== "" && found.length < TENANTS_MAX);
  return found;
}

/** Every tenant that the caller may see. */
export function useAllTenants(enabled = true) {
  return useQuery({
    queryKey: ["tenants", "all"],
    enabled,
    queryFn: ({ signal }) =>
      all<Tenant>(async (pageToken) => {
        const page = await tenants.listTenants({ pageSize: PAGE_MAX, pageToken }, { signal });
        return { items: page.tenants, next: page.nextPageToken };
      }),
  });
}

/** One page, as the service cuts it. */
export function useTenantPage(pageToken: string, pageSize: number, enabled: boolean) {
  return useQuery({
    queryKey: ["tenants", "page", pageToken, pageSize],
    enabled,
    placeholderData: keepPreviousData,
    queryFn: ({ signal }) => tenants.listTenants({ pageSize, pageToken }, { signal }),
  });
}

export function useTenant(name: string) {
  return useQuery({
    queryKey: ["tenants", "one", name],
    queryFn: async ({ signal }) => (await tenants.getTenant({ name }, { signal })).tenant,
  });
}

/** Changes to what is the tenant's that were put back, newest first, page by page. */
export function useDrift(tenant: string) {
  return useInfiniteQuery({
    queryKey: ["tenants", "drift", tenant],
    queryFn: ({ signal, pageParam }) => tenants.listDrift({ tenant, pageToken: pageParam }, { signal }),
    initialPageParam: "",
    getNextPageParam: ({ nextPageToken }) => nextPageToken || undefined,
  });
}

export function useNamespaces(tenant: string) {
  return useQuery({
    queryKey: ["tenants", "namespaces", tenant],
    queryFn: ({ signal }) =>
      all<Namespace>(async (pageToken) => {
        const page = await tenants.listNamespaces({ tenant, pageSize: PAGE_MAX, pageToken }, { signal });
        return { items: page.namespaces, next: page.nextPageToken };
      }),
  });
}

/** Every quota that the caller may see; none for one who may see none. */
export function useQuotas() {
  return useQuery({
    queryKey: ["quotas"],
    queryFn: async ({ signal }) => {
      try {
        return await all<Quota>(async (pageToken) => {
          const page = await tenants.listQuotas({ pageSize: PAGE_MAX, pageToken }, { signal });
          return { items: page.quotas, next: page.nextPageToken };
        });
      } catch (error) {
        if (isKind(error, "forbidden")) return null;
        throw error;
      }
    },
  });
}
