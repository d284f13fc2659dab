import { Button } from "@mantine/core";
import { IconMapOff } from "@tabler/icons-react";
import { Link } from "react-router";
import { Notice } from "../parts/Notice";
import { useTitle } from "../parts/Page";

export function NotFound() {
  useTitle("Not found");
  return (
    <Notice isPage icon={<IconMapOff size={26} stroke={1.6} aria-hidden />} title="There is no such page"
      action={<Button component={Link} to="/" variant="default">To the dashboard</Button>}>
      The address may be mistyped, or the page has moved.
    </Notice>
  );
}
