import { Group, Text } from "@mantine/core";
import { Link } from "react-router";

export function Mark({ size = 28 }: { size?: number }) {
  return <img src="/favicon.svg" width={size} height={size} alt="" />;
}

export function Brand() {
  return (
    <Link to="/" style={{ color: "inherit", textDecoration: "none" }} aria-label="Tenantry, dashboard">
      <Group gap={10} wrap="nowrap">
        <Mark />
        <Text fw={700} size="lg" style={{ letterSpacing: "-0.02em" }}>Tenantry</Text>
      </Group>
    </Link>
  );
}
