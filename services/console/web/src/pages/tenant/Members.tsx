import { Group } from "@mantine/core";
import { IconUser, IconUsers } from "@tabler/icons-react";
import type { Tenant } from "../../gen/tenantry/tenant/v1/tenant_pb";
import { membersOf, type Role } from "../../model/state";
import { DataTable } from "../../parts/DataTable";
import { Empty } from "../../parts/Notice";
import { Section } from "../../parts/Section";
import { Pill } from "../../parts/StateBadge";

const may: Record<Role, string> = {
  Owner: "Everything in its namespaces, also who may what there",
  Editor: "Change what runs in its namespaces",
  Viewer: "Read what is in its namespaces, secrets aside",
};

/** Who may what, as the tenant says. */
export function Members({ tenant }: { tenant: Tenant }) {
  const members = membersOf(tenant);
  if (members.length === 0) {
    return <Empty title="No members">Nobody but platform administrators reaches this tenant. Name owners under spec.accessControl.</Empty>;
  }
  return (
    <Section title="Members">
      <DataTable caption="Members of the tenant" rows={members} rowKey={({ name, kind, role }) => `${role}/${kind}/${name}`}
        columns={[
          {
            title: "Name", isName: true,
            cell: ({ name, kind }) => (
              <Group gap={8} wrap="nowrap">
                {kind === "User" ? <IconUser size={16} aria-hidden /> : <IconUsers size={16} aria-hidden />}{name}
              </Group>
            ),
          },
          { title: "Kind", cell: ({ kind }) => kind },
          { title: "Role", cell: ({ role }) => <Pill tone="calm">{role}</Pill> },
          { title: "May", cell: ({ role }) => may[role] },
        ]} />
    </Section>
  );
}
