import { ActionIcon, CopyButton, Group } from "@mantine/core";
import { IconCheck, IconCopy } from "@tabler/icons-react";

/** A command to be typed elsewhere. */
export function CopyLine({ line }: { line: string }) {
  return (
    <Group wrap="nowrap" gap={4} align="flex-start" p={6} style={{ background: "var(--calm-back)", borderRadius: 8 }}>
      <pre style={{ margin: 0, padding: "0.35rem 0.5rem", flex: 1, overflowX: "auto", fontSize: 13, textAlign: "left" }}
        // A region that scrolls must be reachable by keyboard.
        // eslint-disable-next-line jsx-a11y/no-noninteractive-tabindex
        tabIndex={0}><code>{line}</code></pre>
      <CopyButton value={line}>
        {({ copied, copy }) => (
          <ActionIcon variant="subtle" color="gray" c="var(--mantine-color-text)" onClick={copy} aria-label={copied ? "Copied" : "Copy the command"} title="Copy">
            {copied ? <IconCheck size={16} aria-hidden /> : <IconCopy size={16} aria-hidden />}
          </ActionIcon>
        )}
      </CopyButton>
    </Group>
  );
}
