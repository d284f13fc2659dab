import { Avatar, Button, Group, Popover, Stack, Text, UnstyledButton, VisuallyHidden } from "@mantine/core";
import { IconChevronDown, IconLogout } from "@tabler/icons-react";
import type { GetSessionResponse } from "../gen/tenantry/console/v1/session_service_pb";
import { Time } from "../parts/Time";

/** Who is logged in, as the cluster knows them, and the way out. */
export function UserMenu({ session }: { session: GetSessionResponse }) {
  return (
    <Popover width={320} position="bottom-end" shadow="md" trapFocus returnFocus>
      <Popover.Target>
        <UnstyledButton px={8} py={6} style={{ borderRadius: 8 }}>
          <Group gap={8} wrap="nowrap">
            <Avatar size={28} radius="xl" name={session.username} color="harbor" variant="filled" aria-hidden />
            <VisuallyHidden>Account</VisuallyHidden>
            <Text size="sm" fw={500} visibleFrom="sm">{session.username}</Text>
            <IconChevronDown size={15} aria-hidden />
          </Group>
        </UnstyledButton>
      </Popover.Target>
      <Popover.Dropdown style={{ background: "var(--surface)", borderColor: "var(--line)" }}>
        <Stack gap="sm">
          <div>
            <Text fw={600} style={{ overflowWrap: "anywhere" }}>{session.username}</Text>
            <Text size="sm" c="dimmed">Logged in by {session.issuer}</Text>
          </div>
          <dl className="facts" style={{ fontSize: 14 }}>
            <dt>Groups</dt>
            <dd>{session.groups.length > 0 ? session.groups.join(", ") : "none"}</dd>
            <dt>Session ends</dt>
            <dd><Time at={session.expireTime} /></dd>
          </dl>
          <form method="post" action="/auth/logout">
            <Button type="submit" fullWidth variant="default" leftSection={<IconLogout size={16} aria-hidden />}>Log out</Button>
          </form>
        </Stack>
      </Popover.Dropdown>
    </Popover>
  );
}
