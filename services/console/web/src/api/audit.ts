import { timestampDate, timestampFromDate } from "@bufbuild/protobuf/wkt";
import { useQuery } from "@tanstack/react-query";
import type { AuditEntry } from "../gen/tenantry/audit/v1/audit_service_pb";
import { byReach, TENANTS_ONE_BY_ONE } from "./reach";
import { auditSources, audits, type AuditSource } from "./transport";

const HOUR_MS = 3_600_000;
const PAGE_MAX = 1000;
const PAGES_MAX = 10;

/** Entries, newest first, and the services that did not answer. */
export interface History {
  entries: AuditEntry[];
  silent: AuditSource[];
}

export interface AuditQuery {
  hours: number;
  tenant: string;
  actor: string;
  sources: readonly AuditSource[];
}

async function read(source: AuditSource, query: AuditQuery, signal: AbortSignal): Promise<AuditEntry[]> {
  const startTime = timestampFromDate(new Date(Date.now() - query.hours * HOUR_MS));
  const found: AuditEntry[] = [];
  let pageToken = "";
  for (let page = 0; page < PAGES_MAX; page++) {
    const { tenant, actor } = query;
    const request = { tenant, actor, startTime, pageSize: PAGE_MAX, pageToken };
    const answer = await audits[source].listAuditEntries(request, { signal });
    found.push(...answer.entries);
    pageToken = answer.nextPageToken;
    if (pageToken === "") break;
  }
  return found;
}

function newestFirst(one: AuditEntry, other: AuditEntry): number {
  const time = (entry: AuditEntry) => (entry.recordTime ? timestampDate(entry.recordTime).getTime() : 0);
  return time(other) - time(one) || (other.logSeq > one.logSeq ? 1 : -1);
}

/** One service that is down must not hide what the others say; if none answers, or the caller may not ask, that is the answer. */
async function readAll(query: AuditQuery, signal: AbortSignal): Promise<History> {
  const answers = await Promise.allSettled(query.sources.map((source) => read(source, query, signal)));
  const good = answers.filter((answer) => answer.status === "fulfilled");
  const bad = answers.find((answer) => answer.status === "rejected");
  if (good.length === 0 && bad) throw bad.reason;
  return {
    entries: good.flatMap((answer) => answer.value).sort(newestFirst),
    silent: query.sources.filter((_, at) => answers[at]?.status === "rejected"),
  };
}

/** History of one tenant, or of all that the caller may see. */
export function useHistory(query: AuditQuery, username: string, own: string[]) {
  return useQuery({
    queryKey: ["audit", query, username, own],
    queryFn: ({ signal }) => {
      if (query.tenant !== "") return readAll(query, signal);
      const perTenant = async () => {
        const parts = await Promise.all(
          own.slice(0, TENANTS_ONE_BY_ONE).map((tenant) => readAll({ ...query, tenant }, signal)),
        );
        return {
          entries: parts.flatMap((part) => part.entries).sort(newestFirst),
          silent: auditSources.filter((source) => parts.some((part) => part.silent.includes(source))),
        };
      };
      // One service is asked first: who is refused there is refused everywhere, and once is enough.
      const everything = async () => {
        await audits.tenant.listAuditEntries({ pageSize: 1 }, { signal });
        return readAll(query, signal);
      };
      return byReach("audit", username, everything, perTenant);
    },
  });
}
