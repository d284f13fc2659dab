import { Button, Group, NativeSelect, TextInput } from "@mantine/core";
import { useSearchParams } from "react-router";
import { useHistory } from "../api/audit";
import { useSession } from "../api/session";
import { useAllTenants } from "../api/tenants";
import { auditSources, type AuditSource } from "../api/transport";
import { HistoryTable } from "../parts/HistoryTable";
import { Empty } from "../parts/Notice";
import { Page } from "../parts/Page";
import { Answer } from "../parts/Section";

const ROWS_STEP = 100;
const windows = [
  { value: "1", label: "Last hour" },
  { value: "24", label: "Last 24 hours" },
  { value: "168", label: "Last 7 days" },
  { value: "2160", label: "Last 90 days" },
];
const sourceChoices = [{ value: "", label: "All services" }, ...auditSources.map((value) => ({ value, label: value }))];

/** Who did what, newest first, from the logs of all services. What is chosen is in the address. */
export function Audit() {
  const [query, setQuery] = useSearchParams();
  const username = useSession().data?.username ?? "";
  const tenants = useAllTenants();
  const set = (name: string, value: string) =>
    setQuery((old) => {
      if (value) old.set(name, value);
      else old.delete(name);
      if (name !== "rows") old.delete("rows");
      return old;
    }, { replace: true });
  const source = query.get("service") as AuditSource | null;
  const history = useHistory(
    {
      hours: Number(query.get("hours")) || 24,
      tenant: query.get("tenant") ?? "",
      actor: query.get("actor") ?? "",
      sources: source && auditSources.includes(source) ? [source] : auditSources,
    },
    username,
    tenants.data?.map(({ name }) => name) ?? [],
  );
  const rows = Number(query.get("rows")) || ROWS_STEP;
  return (
    <Page title="Audit" lead="Facts that Tenantry recorded. What the apiserver itself refused is in its own audit log.">
      <Group mb="md" gap="sm" align="end" role="search">
        <NativeSelect label="Time" data={windows} value={query.get("hours") ?? "24"} onChange={(event) => set("hours", event.currentTarget.value)} />
        <NativeSelect label="Service" data={sourceChoices} value={source ?? ""} onChange={(event) => set("service", event.currentTarget.value)} />
        <Typed label="Tenant" name="tenant" value={query.get("tenant") ?? ""} onSend={set} />
        <Typed label="Actor" name="actor" value={query.get("actor") ?? ""} onSend={set} />
      </Group>
      <Answer of={history} rows={10}>
        {(found) =>
          found.entries.length === 0 ? (
            <Empty title="Nothing recorded">Nothing fits this time and filter. History is kept for as long as the platform keeps its databases.</Empty>
          ) : (
            <div className="card" style={{ padding: "0.4rem 0.75rem" }}>
              <HistoryTable history={found} caption="Recorded changes" rowsMax={rows} withTenant />
              {found.entries.length > rows && (
                <Button variant="default" m="sm" onClick={() => set("rows", String(rows + ROWS_STEP))}>
                  Show more of {found.entries.length}
                </Button>
              )}
            </div>
          )
        }
      </Answer>
    </Page>
  );
}

interface TypedProps {
  label: string;
  name: string;
  value: string;
  onSend: (name: string, value: string) => void;
}

/** Sent when it is whole: half a name finds nothing. */
function Typed({ label, name, value, onSend }: TypedProps) {
  return (
    <form onSubmit={(event) => {
      event.preventDefault();
      onSend(name, String(new FormData(event.currentTarget).get(name) ?? "").trim());
    }}>
      <TextInput key={value} name={name} label={label} defaultValue={value} placeholder="exact name" onBlur={(event) => {
        const next = event.currentTarget.value.trim();
        if (next !== value) onSend(name, next);
      }} />
    </form>
  );
}
