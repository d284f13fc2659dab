import { Anchor, Breadcrumbs, Group, Text, Title } from "@mantine/core";
import { useEffect } from "react";
import { Link } from "react-router";

interface PageProps {
  title: string;
  /** Places above this one, outermost first. */
  above?: { label: string; to: string }[];
  beside?: React.ReactNode;
  lead?: React.ReactNode;
  children: React.ReactNode;
}

/** Title, breadcrumbs, and the name of the browser's tab. */
export function Page({ title, above = [], beside, lead, children }: PageProps) {
  useTitle(title);
  return (
    <>
      {above.length > 0 && (
        <nav aria-label="Breadcrumbs">
          <Breadcrumbs mb={6} separatorMargin={6}>
            {above.map(({ label, to }) => <Anchor key={to} component={Link} to={to} size="sm">{label}</Anchor>)}
            <Text size="sm" c="dimmed" component="span" aria-current="page">{title}</Text>
          </Breadcrumbs>
        </nav>
      )}
      <Group gap="md" align="center" mb={lead ? 4 : "lg"}>
        <Title order={1} size="h2" style={{ overflowWrap: "anywhere" }}>{title}</Title>
        {beside}
      </Group>
      {lead && <Text component="div" c="dimmed" mb="lg">{lead}</Text>}
      {children}
    </>
  );
}

export function useTitle(title: string) {
  useEffect(() => {
    document.title = title === "Tenantry" ? title : `${title} · Tenantry`;
  }, [title]);
}
