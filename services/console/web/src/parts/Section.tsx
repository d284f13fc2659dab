import { Group, Skeleton, Stack, Title } from "@mantine/core";
import { useId } from "react";
import { Failed } from "./Notice";

interface SectionProps {
  title: string;
  beside?: React.ReactNode;
  children: React.ReactNode;
}

/** A card with a heading; a region that screen readers can jump to. */
export function Section({ title, beside, children }: SectionProps) {
  const id = useId();
  return (
    <section className="card" aria-labelledby={id} style={{ minWidth: 0, padding: "1.1rem 1.25rem" }}>
      <Group justify="space-between" mb="md" gap="sm">
        <Title order={2} size="h4" id={id}>{title}</Title>
        {beside}
      </Group>
      {children}
    </section>
  );
}

interface Asked<T> {
  data: T | undefined;
  error: unknown;
  refetch: () => unknown;
}

/** What a query holds, or why there is nothing yet. */
export function Answer<T>({ of, rows = 4, children }: { of: Asked<T>; rows?: number; children: (data: T) => React.ReactNode }) {
  if (of.data !== undefined) return children(of.data);
  if (of.error) return <Failed error={of.error} retry={() => void of.refetch()} isPage={false} />;
  return (
    <Stack gap="sm" role="status" aria-label="Loading">
      {Array.from({ length: rows }, (_, at) => <Skeleton key={at} h={18} w={`${92 - ((at * 17) % 40)}%`} />)}
    </Stack>
  );
}
