import { Button, Center, Code, Stack, Text, ThemeIcon, Title } from "@mantine/core";
import { IconCloudOff, IconFileUnknown, IconInbox, IconLock } from "@tabler/icons-react";
import { Link } from "react-router";
import { failure, type Kind } from "../api/errors";
import { useSession } from "../api/session";
import { useTitle } from "./Page";

interface NoticeProps {
  icon: React.ReactNode;
  title: string;
  children: React.ReactNode;
  action?: React.ReactNode;
  /** True where it is the whole page: its title is the page's. */
  isPage?: boolean;
}

export function Notice({ icon, title, children, action, isPage }: NoticeProps) {
  return (
    <Center py={isPage ? 72 : 32} px="md">
      <Stack align="center" gap="sm" maw={560} ta="center">
        <ThemeIcon size={52} radius="xl" variant="light" color="gray" style={{ background: "var(--calm-back)", color: "var(--calm)" }}>{icon}</ThemeIcon>
        <Title order={isPage ? 1 : 2} size="h3">{title}</Title>
        <Text component="div" c="dimmed">{children}</Text>
        {action}
      </Stack>
    </Center>
  );
}

export function Empty({ title, children, action }: Omit<NoticeProps, "icon">) {
  return <Notice icon={<IconInbox size={26} stroke={1.6} aria-hidden />} title={title} action={action}>{children}</Notice>;
}

const titles: Record<Kind, string> = {
  forbidden: "You may not see this",
  missing: "Not found",
  ended: "The session has ended",
  unavailable: "Not reachable at the moment",
  other: "That did not work",
};
const icons: Record<Kind, typeof IconLock> = {
  forbidden: IconLock, missing: IconFileUnknown, ended: IconLock, unavailable: IconCloudOff, other: IconCloudOff,
};

/** Why there is nothing to see: what happened, who was refused, what helps. */
export function Failed({ error, retry, isPage = true }: { error: unknown; retry?: () => void; isPage?: boolean }) {
  const why = failure(error);
  const Icon = icons[why.kind];
  const canRetry = retry && (why.kind === "unavailable" || why.kind === "other");
  return (
    <div role="alert">
      {isPage && <TabTitle title={titles[why.kind]} />}
      <Notice isPage={isPage} icon={<Icon size={26} stroke={1.6} aria-hidden />} title={titles[why.kind]}
        action={canRetry ? <Button variant="default" onClick={() => retry()}>Try again</Button> : isPage && <Home />}>
        <p>{why.message}</p>
        {why.kind === "forbidden" && <Who />}
        {why.reason && <p>Reason: <Code>{why.reason}</Code></p>}
      </Notice>
    </div>
  );
}

function TabTitle({ title }: { title: string }) {
  useTitle(title);
  return null;
}

function Home() {
  return <Button component={Link} to="/" variant="default">To the dashboard</Button>;
}

/** The names that the decision was made for: what an administrator needs to change it. */
function Who() {
  const { data } = useSession();
  if (!data) return null;
  return (
    <p>
      Asked as <Code>{data.username}</Code>
      {data.groups.length > 0 && <> in groups <Code>{data.groups.join(", ")}</Code></>}. An owner of the tenant or a platform administrator can let you in.
    </p>
  );
}
