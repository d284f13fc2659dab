import { Group, SegmentedControl, TextInput } from "@mantine/core";
import { useDebouncedCallback, useHotkeys } from "@mantine/hooks";
import { IconSearch } from "@tabler/icons-react";
import { useRef, useState } from "react";

export interface Filter {
  text: string;
  /** all, ready or open. */
  state: string;
}

/** Text and state; `/` goes to the text. */
export function TenantFilter({ filter, onChange }: { filter: Filter; onChange: (filter: Filter) => void }) {
  const input = useRef<HTMLInputElement>(null);
  const [text, setText] = useState(filter.text);
  const [sent, setSent] = useState(filter.text);
  // The address changed by other means: the back button, or a cleared filter.
  if (filter.text !== sent) {
    setSent(filter.text);
    setText(filter.text);
  }
  const send = useDebouncedCallback((next: string) => {
    setSent(next);
    onChange({ ...filter, text: next });
  }, 250);
  useHotkeys([["/", () => input.current?.focus()]]);
  return (
    <Group mb="md" gap="sm" role="search">
      <TextInput ref={input} value={text} aria-label="Filter tenants by name, quota or description" placeholder="Filter tenants  ( / )"
        leftSection={<IconSearch size={16} aria-hidden />} style={{ flex: "1 1 240px", maxWidth: 380 }}
        onChange={(event) => {
          setText(event.currentTarget.value);
          send(event.currentTarget.value);
        }} />
      <SegmentedControl value={filter.state} aria-label="State" onChange={(state) => onChange({ text, state })}
        data={[{ value: "all", label: "All" }, { value: "ready", label: "Ready" }, { value: "open", label: "Not ready" }]} />
    </Group>
  );
}
