import { useHistory } from "../../api/audit";
import { auditSources } from "../../api/transport";
import { HistoryTable } from "../../parts/HistoryTable";
import { Empty } from "../../parts/Notice";
import { Answer, Section } from "../../parts/Section";

const ROWS_MAX = 100;
const QUARTER_HOURS = 90 * 24;

/** What happened to the tenant in the last 90 days. */
export function Activity({ tenant }: { tenant: string }) {
  const history = useHistory({ hours: QUARTER_HOURS, tenant, actor: "", sources: auditSources }, "", []);
  return (
    <Answer of={history} rows={8}>
      {(found) =>
        found.entries.length === 0 ? (
          <Empty title="Nothing recorded">Changes of the last 90 days appear here.</Empty>
        ) : (
          <Section title="Changes of the last 90 days">
            <HistoryTable history={found} caption={`Changes of ${tenant}`} rowsMax={ROWS_MAX} />
          </Section>
        )
      }
    </Answer>
  );
}
