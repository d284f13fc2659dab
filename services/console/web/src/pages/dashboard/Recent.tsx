import { Anchor, Text } from "@mantine/core";
import { Link } from "react-router";
import { useHistory } from "../../api/audit";
import { auditSources } from "../../api/transport";
import { HistoryTable } from "../../parts/HistoryTable";
import { Answer, Section } from "../../parts/Section";

const SHOWN = 8;
const DAY_HOURS = 24;

/** What happened last. */
export function Recent({ username, own }: { username: string; own: string[] }) {
  const history = useHistory({ hours: DAY_HOURS, tenant: "", actor: "", sources: auditSources }, username, own);
  return (
    <Section title="Recent changes" beside={<Anchor component={Link} to="/audit" size="sm">All changes</Anchor>}>
      <Answer of={history}>
        {(found) =>
          found.entries.length === 0 ? (
            <Text size="sm" c="dimmed">Nothing changed in the last 24 hours.</Text>
          ) : (
            <HistoryTable history={found} caption="Changes of the last 24 hours" rowsMax={SHOWN} withTenant />
          )
        }
      </Answer>
    </Section>
  );
}
