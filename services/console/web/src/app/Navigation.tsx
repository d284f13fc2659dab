import { NavLink } from "@mantine/core";
import { IconHistory, IconLayoutDashboard, IconUsersGroup } from "@tabler/icons-react";
import { Link, useLocation } from "react-router";

const places = [
  { to: "/", label: "Dashboard", Icon: IconLayoutDashboard },
  { to: "/tenants", label: "Tenants", Icon: IconUsersGroup },
  { to: "/audit", label: "Audit", Icon: IconHistory },
];

export function Navigation({ onLeave }: { onLeave: () => void }) {
  const { pathname } = useLocation();
  return places.map(({ to, label, Icon }) => {
    const isHere = to === "/" ? pathname === "/" : pathname === to || pathname.startsWith(`${to}/`);
    return (
      <NavLink
        key={to}
        component={Link}
        to={to}
        label={label}
        active={isHere}
        aria-current={isHere ? "page" : undefined}
        onClick={onLeave}
        leftSection={<Icon size={18} stroke={1.7} aria-hidden />}
        styles={{ root: { borderRadius: 8, marginBottom: 2 }, label: { fontWeight: isHere ? 600 : 450 } }}
        color={isHere ? "var(--mantine-color-anchor)" : undefined}
        variant="subtle"
        style={isHere ? { background: "var(--calm-back)", color: "var(--mantine-color-anchor)" } : undefined}
      />
    );
  });
}
