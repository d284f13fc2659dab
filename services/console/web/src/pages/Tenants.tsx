import { Button, Group, Text } from "@mantine/core";
import { useSearchParams } from "react-router";
import { useSession } from "../api/session";
import { useAllTenants, useTenantPage } from "../api/tenants";
import type { Tenant } from "../gen/tenantry/tenant/v1/tenant_pb";
import { stateOf } from "../model/state";
import { Empty } from "../parts/Notice";
import { Page } from "../parts/Page";
import { Answer } from "../parts/Section";
import { TenantFilter, type Filter } from "./tenants/TenantFilter";
import { TenantTable } from "./tenants/TenantTable";

const PAGE_SIZE = 25;

function matches(tenant: Tenant, { text, state }: Filter): boolean {
  const isReady = stateOf(tenant).name === "Ready";
  const inState = state === "all" || (state === "ready") === isReady;
  const words = [tenant.name, tenant.spec?.quota ?? "", tenant.spec?.description ?? ""].join(" ").toLowerCase();
  return inState && words.includes(text.toLowerCase());
}

/** All tenants, a page at a time; a filter looks through all of them. Everything chosen is in the address. */
export function Tenants() {
  const [query, setQuery] = useSearchParams();
  const filter: Filter = { text: query.get("q") ?? "", state: query.get("state") ?? "all" };
  const isFiltered = filter.text !== "" || filter.state !== "all";
  return (
    <Page title="Tenants">
      <TenantFilter filter={filter} onChange={(next) => setQuery(write(next), { replace: true })} />
      {isFiltered ? <Filtered filter={filter} clear={() => setQuery({})} /> : <Paged token={query.get("page") ?? ""} turn={(page) => setQuery(page ? { page } : {})} />}
    </Page>
  );
}

function write({ text, state }: Filter): Record<string, string> {
  return { ...(text && { q: text }), ...(state !== "all" && { state }) };
}

function Paged({ token, turn }: { token: string; turn: (token: string) => void }) {
  const page = useTenantPage(token, PAGE_SIZE, true);
  const username = useSession().data?.username ?? "";
  return (
    <Answer of={page} rows={8}>
      {({ tenants, nextPageToken }) =>
        tenants.length === 0 && token === "" ? (
          <Empty title="There are no tenants">
            None exists, or you belong to none. The dashboard says how to make the first one.
          </Empty>
        ) : (
          <>
            <TenantTable tenants={tenants} username={username} />
            {(token !== "" || nextPageToken !== "") && (
              <Group justify="flex-end" mt="md" component="nav" aria-label="Pages">
                <Button variant="default" disabled={token === ""} onClick={() => turn("")}>First page</Button>
                <Button variant="default" disabled={nextPageToken === ""} onClick={() => turn(nextPageToken)}>Next page</Button>
              </Group>
            )}
          </>
        )
      }
    </Answer>
  );
}

function Filtered({ filter, clear }: { filter: Filter; clear: () => void }) {
  const all = useAllTenants();
  const username = useSession().data?.username ?? "";
  return (
    <Answer of={all} rows={8}>
      {(tenants) => {
        const found = tenants.filter((tenant) => matches(tenant, filter));
        if (found.length === 0) {
          return (
            <Empty title="No tenant matches" action={<Button variant="default" onClick={clear}>Clear the filter</Button>}>
              {tenants.length} exist; none fits what you filter by.
            </Empty>
          );
        }
        return (
          <>
            <Text size="sm" c="dimmed" mb="xs" role="status">{found.length} of {tenants.length}</Text>
            <TenantTable tenants={found} username={username} />
          </>
        );
      }}
    </Answer>
  );
}
