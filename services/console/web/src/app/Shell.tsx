import { AppShell, Burger, Center, Group, Loader } from "@mantine/core";
import { useDisclosure } from "@mantine/hooks";
import { useEffect, useRef } from "react";
import { Outlet, useLocation } from "react-router";
import { useSession } from "../api/session";
import { useLiveTenants } from "../api/watch";
import { Brand } from "../parts/Brand";
import { Failed } from "../parts/Notice";
import { ThemeToggle } from "../parts/ThemeToggle";
import { Navigation } from "./Navigation";
import { UserMenu } from "./UserMenu";

/** What surrounds every page of a person who is logged in. */
export function Shell() {
  const session = useSession();
  const [isOpen, { toggle, close }] = useDisclosure();
  return (
    <AppShell header={{ height: 60 }} navbar={{ width: 232, breakpoint: "sm", collapsed: { mobile: !isOpen } }} padding="lg">
      <a className="skip" href="#main">Skip to content</a>
      <AppShell.Header style={{ background: "var(--surface)", borderColor: "var(--line)" }}>
        <Group h="100%" px="md" justify="space-between" wrap="nowrap">
          <Group gap="sm" wrap="nowrap">
            <Burger opened={isOpen} onClick={toggle} hiddenFrom="sm" size="sm" aria-label="Navigation" />
            <Brand />
          </Group>
          <Group gap="xs" wrap="nowrap">
            <ThemeToggle />
            {session.data && <UserMenu session={session.data} />}
          </Group>
        </Group>
      </AppShell.Header>
      <AppShell.Navbar p="sm" aria-label="Main" style={{ background: "var(--surface)", borderColor: "var(--line)" }}>
        <Navigation onLeave={close} />
      </AppShell.Navbar>
      <Main>
        {session.data ? <Pages /> : session.error ? <Failed error={session.error} retry={session.refetch} /> : <Waiting />}
      </Main>
    </AppShell>
  );
}

function Pages() {
  useLiveTenants();
  return <Outlet />;
}

function Waiting() {
  return <Center h="50vh"><Loader aria-label="Loading" /></Center>;
}

/** A new page is announced and read from its beginning. */
function Main({ children }: { children: React.ReactNode }) {
  const { pathname } = useLocation();
  const main = useRef<HTMLElement>(null);
  const shown = useRef(pathname);
  useEffect(() => {
    if (shown.current === pathname) return;
    shown.current = pathname;
    main.current?.focus({ preventScroll: true });
    window.scrollTo(0, 0);
  }, [pathname]);
  return (
    <AppShell.Main id="main" ref={main} tabIndex={-1}>
      <div style={{ maxWidth: 1240, marginInline: "auto" }}>{children}</div>
    </AppShell.Main>
  );
}
